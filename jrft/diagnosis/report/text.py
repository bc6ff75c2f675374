"""A diagnosis for the terminal."""

import textwrap

import numpy as np

from jrft.diagnosis.diagnosis import Diagnosis
from jrft.diagnosis.report.tables import table
from jrft.diagnosis.verdict.over_time import equal_groups

_WIDTH = 96


def text_report(diagnosis: Diagnosis, *, prompts: int = 10, width: int = _WIDTH) -> str:
    """Numbers, classes, advice, and the most urgent prompts, as text.

    Args:
        diagnosis: What to show.
        prompts: How many prompts to list with their reasons.
        width: The longest line of sentences; rows of tables are not cut.
    """
    sections = [
        _numbers(diagnosis),
        _classes(diagnosis, width),
        _advice(diagnosis, width),
        _prompts(diagnosis, prompts),
        _over_time(diagnosis, width),
        "\n".join(textwrap.fill(f"Note: {note}", width) for note in diagnosis.notes),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _numbers(diagnosis: Diagnosis) -> str:
    batch = diagnosis.batch
    low, high = diagnosis.reward_range
    rows = [
        (
            "prompts, groups, rewards",
            f"{batch.num_prompts:,}, {batch.num_groups:,}, {batch.num_rewards:,}",
        ),
        ("completions without a score", f"{batch.num_missing:,}"),
        ("reward (mean of groups)", _shown(batch.reward, ".4g")),
        ("reward_std (mean of groups, ddof 1)", _shown(batch.reward_std, ".4g")),
        ("frac_reward_zero_std", _shown(batch.frac_reward_zero_std, ".4g")),
        (
            "10th percentile of std, estimated (observed)",
            f"{_shown(batch.std_p10, '.3g')} ({_shown(batch.observed_std_p10, '.3g')})",
        ),
        (
            f"expected share with std < {diagnosis.evidence.settings.threshold * (high - low):.3g}",
            _shown(batch.share_low_std, ".1%"),
        ),
        ("… and with a low mean", _shown(batch.share_low_std_low_mean, ".1%")),
        ("effective share of prompts", _shown(batch.effective_share, ".1%")),
    ]
    rows += [
        (f"share of the variance from {name}", _shown(value, ".1%"))
        for name, value in batch.component_shares.items()
    ]
    return table(rows)


def _shown(value: float, form: str) -> str:
    """The number in a format; a dash where it is undefined."""
    return "–" if np.isnan(value) else format(value, form)


def _classes(diagnosis: Diagnosis, width: int) -> str:
    total = max(diagnosis.batch.num_prompts, 1)
    rows = [
        (
            name,
            f"{count:,}",
            f"{count / total:.1%}",
            "█" * round(min(40, width - 35) * count / total),
        )
        for name, count in diagnosis.batch.classes.items()
        if count
    ]
    return table(rows, right=[1, 2])


def _advice(diagnosis: Diagnosis, width: int) -> str:
    good = [one for one in diagnosis.advice if one.worthwhile]
    vain = [one for one in diagnosis.advice if not one.worthwhile]
    lines = ["What to do"] if good else []
    lines += [_item(f"{one.action}: {one.text}", width) for one in good]
    lines += ["What does not help"]
    lines += [_item(f"{one.action}: {one.text}", width) for one in vain]
    return "\n".join(lines)


def _over_time(diagnosis: Diagnosis, width: int) -> str:
    found = diagnosis.over_time
    return "" if found is None else textwrap.fill(equal_groups(found), width)


def _item(text: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent="  - ", subsequent_indent="    ")


def _prompts(diagnosis: Diagnosis, number: int) -> str:
    chosen: list[int] = []
    for one in diagnosis.advice:
        chosen += [int(i) for i in one.prompts[: max(number // 3, 1)] if int(i) not in chosen]
    chosen = chosen[:number]
    if not chosen:
        return ""
    rows = [
        (_short(str(diagnosis.prompt_ids[i])), str(diagnosis.labels[i]), diagnosis.reason(i))
        for i in chosen
    ]
    heading = f"Some prompts ({len(chosen)} of {len(diagnosis.labels):,})"
    return f"{heading}\n{table(rows, indent=2)}"


def _short(name: str) -> str:
    # Control characters in a log must not reach the terminal.
    name = "".join(c if c.isprintable() else " " for c in name)
    return name if len(name) <= 28 else name[:27] + "…"
