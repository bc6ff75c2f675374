"""A diagnosis as one HTML page that works offline."""

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
from jaxtyping import Int64

from jrft.diagnosis.diagnosis import Diagnosis
from jrft.diagnosis.report.export import plain, prompt_columns
from jrft.diagnosis.verdict.advice import ACTIONS
from jrft.diagnosis.verdict.classes import PromptClass
from jrft.diagnosis.verdict.over_time import OverTime, equal_groups

# What a browser opens at once: more prompts than these are counted, not drawn or listed.
MAX_POINTS = 4000
MAX_ROWS = 2000
_MAX_STEPS = 300
_MAX_TEXT = 4000
_BINS = 50

# The most urgent class first.
_URGENCY = [
    PromptClass.SHAPED,
    PromptClass.TOO_HARD,
    PromptClass.FLAT,
    PromptClass.UNSCORED,
    PromptClass.TOO_FEW,
    PromptClass.LEARNABLE,
    PromptClass.TOO_EASY,
]
_CLASSES = list(PromptClass)


def html_report(
    diagnosis: Diagnosis, *, source: str = "", prompts: Sequence[Any] | None = None
) -> str:
    """The page: plots, advice, and a table to sort and filter, in one file without a network.

    Prompt ids and messages come from logs and may hold markup: they travel as escaped JSON and are
    put on the page as text. Logs of any size make a page that opens: beyond 4 000 prompts the
    scatter plot shows a random choice, beyond 2 000 the table holds the most urgent of each class,
    and the page says so; histogram, counts and curves are of all.

    Args:
        diagnosis: What to show.
        source: Where the rewards are from.
        prompts: The p prompts in full, where `diagnosis.prompt_ids` are short names; of each the
            page holds 4 000 characters at the most.
    """
    page = resources.files("jrft.diagnosis.report") / "page"
    parts = {name: (page / f"page.{name}").read_text("utf-8") for name in ("html", "css", "js")}
    data = json.dumps(plain(_data(diagnosis, source, prompts)), ensure_ascii=False, allow_nan=False)
    # In a script element only a "<" could end the data; the other two are for old parsers.
    for character in "<>&\u2028\u2029":
        data = data.replace(character, f"\\u{ord(character):04x}")
    filled = parts["html"].replace("__STYLE__", parts["css"]).replace("__SCRIPT__", parts["js"])
    return filled.replace("__DATA__", data)


def _data(diagnosis: Diagnosis, source: str, prompts: Sequence[Any] | None) -> dict[str, Any]:
    batch = diagnosis.batch
    low, high = diagnosis.reward_range
    codes = _codes(diagnosis)
    columns = prompt_columns(diagnosis)
    rows = _chosen_rows(diagnosis, codes)
    place = {int(i): at for at, i in enumerate(rows)}
    return {
        "source": source,
        "verdict": _verdict(diagnosis),
        "lead": f"{batch.num_rewards:,} rewards of {batch.num_prompts:,} prompts in "
        f"{batch.num_groups:,} groups. Where all completions of a prompt earn nearly the same, the "
        "policy gradient vanishes, however many are sampled.",
        "notes": diagnosis.notes,
        "settings": {
            "low": low,
            "high": high,
            "threshold": diagnosis.evidence.settings.threshold * (high - low),
        },
        "cards": _cards(diagnosis),
        "classes": [
            {"name": label.value, "count": batch.classes[label.value]} for label in _CLASSES
        ],
        "advice": [
            {
                "action": one.action,
                "text": one.text,
                "worthwhile": one.worthwhile,
                "rows": [place[int(i)] for i in one.prompts if int(i) in place],
            }
            for one in diagnosis.advice
        ],
        "points": _points(columns, codes),
        "histogram": _histogram(columns["std"], codes, 0.5 * (high - low)),
        "rows": [
            _row(diagnosis, columns, int(code), int(i)) | _text(diagnosis, prompts, int(i))
            for i, code in zip(rows, codes[rows], strict=True)
        ],
        "rowsTotal": batch.num_prompts,
        **_over_time(diagnosis),
        "method": _method(diagnosis),
    }


def _codes(diagnosis: Diagnosis) -> Int64[np.ndarray, " p"]:
    """The class of each prompt as a number."""
    names, codes = np.unique(diagnosis.labels, return_inverse=True)
    numbers = np.array([_CLASSES.index(PromptClass(name)) for name in names], np.int64)
    return numbers[codes]


def _verdict(diagnosis: Diagnosis) -> str:
    classes, total = diagnosis.batch.classes, max(diagnosis.batch.num_prompts, 1)
    dead, open_ = diagnosis.dead_share, classes[PromptClass.TOO_FEW.value] / total
    if dead < 0.005 and open_ < 0.005:
        return "Nearly every prompt gives a gradient."
    text = f"{dead:.0%} of the prompts give no useful gradient"
    return f"{text}, {open_:.0%} are undecided." if open_ >= 0.005 else f"{text}."


def _cards(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    batch = diagnosis.batch

    def share(value: float) -> str:
        return "–" if np.isnan(value) else f"{value:.0%}"

    def plain_number(value: float) -> str:
        return "–" if np.isnan(value) else f"{value:.3g}"

    cards = [
        (share(batch.effective_share), "of prompts are expected to have a std above the threshold"),
        (share(batch.frac_reward_zero_std), "of groups have equal rewards (frac_reward_zero_std)"),
        (plain_number(batch.reward), "mean reward"),
        (plain_number(batch.reward_std), "mean std within a group, ddof 1 (reward_std)"),
        (plain_number(batch.std_p10), "10th percentile of the prompts’ std, estimated"),
    ]
    if batch.num_missing:
        cards.append((f"{batch.num_missing:,}", "completions without a score"))
    cards += [
        (share(value), f"of the variance within groups comes from {name}")
        for name, value in batch.component_shares.items()
    ]
    return cards


def _points(columns: dict[str, Any], codes: Int64[np.ndarray, " p"]) -> dict[str, Any]:
    scored = np.flatnonzero(columns["count"] > 0)
    if len(scored) > MAX_POINTS:
        scored = np.sort(np.random.default_rng(0).choice(scored, MAX_POINTS, replace=False))
    return {
        "id": [str(columns["id"][i]) for i in scored],
        "mean": columns["expected_reward"][scored],
        "std": columns["std"][scored],
        "low": columns["std_lower"][scored],
        "high": columns["std_upper"][scored],
        "cls": codes[scored],
    }


def _histogram(std: np.ndarray, codes: Int64[np.ndarray, " p"], largest: float) -> dict[str, Any]:
    edges = np.linspace(0.0, largest, _BINS + 1)
    scored = codes != _CLASSES.index(PromptClass.UNSCORED)
    counts = [
        np.histogram(std[scored & (codes == index)], edges)[0] for index in range(len(_CLASSES))
    ]
    return {"edges": edges, "counts": counts}


def _chosen_rows(diagnosis: Diagnosis, codes: Int64[np.ndarray, " p"]) -> Int64[np.ndarray, " r"]:
    """Prompts for the table, the most urgent first; of each class, if there are too many."""
    rank = np.array([_URGENCY.index(label) for label in _CLASSES])[codes]
    low = diagnosis.posterior.prob_low_std
    order = np.lexsort((np.arange(len(codes)), -low, rank))
    if len(order) <= MAX_ROWS:
        return order
    ranks = rank[order]
    # Every class gets the same number of rows, and what one does not use goes to the others.
    sizes = np.bincount(ranks, minlength=len(_URGENCY))
    quota = int(np.max([q for q in range(MAX_ROWS + 1) if np.minimum(sizes, q).sum() <= MAX_ROWS]))
    place = np.arange(len(order)) - np.searchsorted(ranks, ranks)
    return order[place < quota]


def _row(diagnosis: Diagnosis, columns: dict[str, Any], code: int, i: int) -> dict[str, Any]:
    over_time = diagnosis.over_time
    return {
        "id": str(columns["id"][i]),
        "cls": code,
        "urgency": _URGENCY.index(_CLASSES[code]) - float(columns["prob_low_std"][i]),
        "action": ACTIONS[_CLASSES[code]],
        "n": columns["count"][i],
        "mean": columns["mean"][i],
        "std": columns["std"][i],
        "low": columns["std_lower"][i],
        "high": columns["std_upper"][i],
        "plow": columns["prob_low_std"][i],
        "rollouts": columns["rollouts"][i],
        "reason": diagnosis.reason(i),
        "change": None if over_time is None else str(over_time.changes[i]),
    }


def _text(diagnosis: Diagnosis, prompts: Sequence[Any] | None, i: int) -> dict[str, Any]:
    """The prompt in full, and whether that is JSON; no text if its name says all."""
    if prompts is None or prompts[i] == diagnosis.prompt_ids[i]:
        return {"text": "", "json": False}
    whole, is_text = prompts[i], isinstance(prompts[i], str)
    text = whole if is_text else json.dumps(whole, ensure_ascii=False, default=str)
    return {"text": text[:_MAX_TEXT], "json": not is_text and len(text) <= _MAX_TEXT}


def _over_time(diagnosis: Diagnosis) -> dict[str, Any]:
    over_time = diagnosis.over_time
    if over_time is None:
        return {"curves": None, "changes": []}
    steps = over_time.steps
    # Neighboring steps are averaged where there are more than a curve can show.
    bins = np.arange(len(steps)) * min(len(steps), _MAX_STEPS) // len(steps)

    def averaged(values: np.ndarray) -> np.ndarray:
        known = ~np.isnan(values)
        count = np.bincount(bins[known], minlength=bins[-1] + 1)
        total = np.bincount(bins[known], values[known], minlength=bins[-1] + 1)
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)

    labels = {
        "frac_reward_zero_std": ("share of groups with equal rewards", 1),
        "reward_std": ("mean std within a group (ddof 1)", None),
        "reward": ("mean reward", None),
        "observed_std_p10": ("10th percentile of group std", None),
    }
    names, counts = np.unique(over_time.changes, return_counts=True)
    return {
        "curves": {
            "steps": steps[np.searchsorted(bins, np.arange(bins[-1] + 1))],
            "lines": [
                {"label": label, "values": averaged(over_time.curves[name]), "top": top}
                for name, (label, top) in labels.items()
            ],
            "hint": f"{len(steps):,} steps. {equal_groups(over_time)} In the estimates "
            f"{_aging(over_time)}. Below: what became of the prompts between the first and the "
            "second half of their visits.",
        },
        "changes": [
            {"name": str(name), "count": int(count)}
            for name, count in sorted(zip(names, counts, strict=True), key=lambda pair: -pair[1])
        ],
    }


def _aging(over_time: OverTime) -> str:
    if over_time.discount == over_time.discount_if_equal == 1:
        return "old and new visits of a prompt count alike"
    return (
        f"a visit weighs {over_time.discount:g} times the next one of the same prompt, and "
        f"{over_time.discount_if_equal:g} times if the prompt's rewards never differed"
    )


def _method(diagnosis: Diagnosis) -> str:
    settings = diagnosis.evidence.settings
    return (
        "The norm of the gradient of a prompt’s expected reward is bounded by the std of the "
        "reward over its completions (Razin et al., ICLR 2024). A few completions say little "
        "about that std: eight equal rewards are weak evidence that it is small. So the prompts "
        "are judged together (empirical Bayes): what reward distributions are how frequent is "
        "learned from all of them, and each prompt’s estimate weighs its own rewards against "
        "that.\n\n"
        f"A std is called low below {settings.threshold:.0%} of the reward range. A prompt is "
        f"called low in std, or learnable, at a probability of {settings.confidence:.0%}, with few "
        f"rewards at a higher one; intervals hold {settings.level:.0%} of the posterior. “Too "
        "hard” and “too easy” are low stds with an expected reward in the lowest and in the "
        "highest third of the range.\n\n"
        "“Rollouts” is the group size at which rewards are likely to differ; for undecided "
        "prompts, if they are learnable at all."
    )
