"""What to do about it: actions with the prompts they are for, numbers and reasons."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, Shaped

from jrft.diagnosis.log.statistics import GroupStatistics
from jrft.diagnosis.verdict.classes import HIGH_MEAN, LOW_MEAN, Evidence, PromptClass

# Razin et al. (ICLR 2024), Section 5: 1 % of the labeled inputs, with 40 % of the SFT steps,
# reached 96 % of the reward of full SFT then RFT.
SFT_SHARE = 0.01
# Larger groups than so many times today's are not proposed: SFT is cheaper.
_MAX_GROWTH = 16

# What to do about a prompt of each class, in a word.
ACTIONS = {
    PromptClass.LEARNABLE: "train",
    PromptClass.TOO_HARD: "SFT first",
    PromptClass.TOO_EASY: "park",
    PromptClass.FLAT: "refine reward",
    PromptClass.SHAPED: "gate on outcome",
    PromptClass.UNSCORED: "check scorer",
    PromptClass.TOO_FEW: "more rollouts",
}


@dataclass(frozen=True)
class Advice:
    """One thing to do, or not to.

    Attributes:
        action: A word or two.
        text: What, for how many prompts, and why.
        prompts: int64[n], the prompts it is for, the most urgent first; empty if it is general.
        worthwhile: False if it is known not to help.
    """

    action: str
    text: str
    prompts: Int64[np.ndarray, " n"]
    worthwhile: bool = True


def advise(
    evidence: Evidence, labels: Shaped[np.ndarray, " p"], groups: GroupStatistics
) -> tuple[Advice, ...]:
    """Advice for a batch, in the order in which it should be read.

    Args:
        evidence: Of p prompts.
        labels: Their classes.
        groups: Statistics of the groups.
    """
    size = int(np.median(groups.count[groups.count > 0])) if (groups.count > 0).any() else 0
    proposals = [
        _sft(evidence, labels),
        _gate(labels),
        _rollouts(evidence, labels, size),
        _park(evidence, labels),
        _refine(labels),
        _score(evidence, labels),
        _mask(groups),
    ]
    return (*(proposal for proposal in proposals if proposal is not None), *_in_vain(size))


def rollouts(evidence: Evidence, labels: Shaped[np.ndarray, " p"]) -> Int64[np.ndarray, " p"]:
    """int64[p], the group size to use for each prompt: that at which rewards are likely to differ.

    For undecided prompts, that at which they are likely to differ if the prompt is learnable: a
    group of that size decides. 0 where no group of up to 4096 is enough.
    """
    posterior = evidence.task
    undecided = labels == PromptClass.TOO_FEW.value
    return np.where(undecided, posterior.rollouts_if_learnable, posterior.rollouts_needed)


def _of(labels: Shaped[np.ndarray, " p"], label: PromptClass) -> Int64[np.ndarray, " n"]:
    return np.flatnonzero(labels == label.value)


def _sft(evidence: Evidence, labels: Shaped[np.ndarray, " p"]) -> Advice | None:
    hard = np.flatnonzero(
        (labels == PromptClass.TOO_HARD.value)
        | (labels == PromptClass.SHAPED.value) & (evidence.success < LOW_MEAN)
    )
    if not len(hard):
        return None
    posterior = evidence.reward
    first = np.lexsort((evidence.success[hard], -posterior.prob_low_std[hard]))
    start = min(len(hard), max(1, round(SFT_SHARE * len(labels))))
    return Advice(
        "SFT first",
        f"{len(hard)} prompts ({len(hard) / len(labels):.0%}) are too hard: RFT has no gradient to "
        f"learn them from. Write or collect demonstrations for about {start} of them, finetune on "
        "those, then go on with RFT and diagnose again. In the paper 1 % of the labeled inputs "
        "with 40 % of the SFT steps reached 96 % of the reward of full SFT then RFT.",
        hard[first],
    )


def _gate(labels: Shaped[np.ndarray, " p"]) -> Advice | None:
    shaped = _of(labels, PromptClass.SHAPED)
    if not len(shaped):
        return None
    return Advice(
        "gate on outcome",
        f"{len(shaped)} prompts have equal outcomes throughout and differ only in shaping terms. "
        "GRPO scales such differences up to full size, a gradient away from the task. One example "
        "is an open pull request (verl-recipe 125: one model, one data set; its author corrected "
        "it later). There accuracy fell from 0.715 to 0.10, to 0.04 with a gate on the reward's "
        "std, and rose to 0.75 with a gate on the outcome. Keep a group only if its outcomes "
        "differ: jrft.keep_mask(rewards, outcomes=…).",
        shaped,
    )


def _rollouts(evidence: Evidence, labels: Shaped[np.ndarray, " p"], size: int) -> Advice | None:
    needed = rollouts(evidence, labels)
    candidates = (labels == PromptClass.TOO_FEW.value) | (labels == PromptClass.LEARNABLE.value)
    within = candidates & (needed > size) & (needed <= _MAX_GROWTH * max(size, 2))
    chosen = np.flatnonzero(within)
    if not len(chosen):
        return None
    chosen = chosen[np.argsort(needed[chosen], kind="stable")]
    low, middle, high = np.percentile(needed[chosen], [10, 50, 90]).astype(int)
    return Advice(
        "more rollouts",
        f"{len(chosen)} prompts need larger groups than {size} for rewards that differ to be "
        f"likely: {middle} for the median prompt, {low} to {high} for most (for undecided prompts: "
        "if they are learnable at all). The table gives the number for each; jrft.rollout_budget "
        "divides a fixed number of rollouts.",
        chosen,
    )


def _park(evidence: Evidence, labels: Shaped[np.ndarray, " p"]) -> Advice | None:
    easy = np.flatnonzero(
        (labels == PromptClass.TOO_EASY.value)
        | (labels == PromptClass.SHAPED.value) & (evidence.success > HIGH_MEAN)
    )
    if not len(easy):
        return None
    alive = 1 - evidence.reward.prob_low_std[easy]
    return Advice(
        "park",
        f"{len(easy)} prompts are solved. Sample them less, and look again after some updates; do "
        f"not drop them: {alive.sum():.1f} of them are expected to have a std above the threshold "
        "after all, and policies forget.",
        easy[np.argsort(alive, kind="stable")],
    )


def _refine(labels: Shaped[np.ndarray, " p"]) -> Advice | None:
    flat = _of(labels, PromptClass.FLAT)
    if not len(flat):
        return None
    return Advice(
        "refine reward",
        f"{len(flat)} prompts get nearly the same middling reward for every completion: the reward "
        "does not tell completions apart. Make it finer, or check that it is not a default value.",
        flat,
    )


def _score(evidence: Evidence, labels: Shaped[np.ndarray, " p"]) -> Advice | None:
    missing = evidence.observed.missing
    some = np.flatnonzero(missing > 0)
    if not len(some):
        return None
    return Advice(
        "check scorer",
        f"{int(missing.sum())} completions of {len(some)} prompts have no score (NaN or none), and "
        f"{len(_of(labels, PromptClass.UNSCORED))} prompts have none at all. They are left out "
        "here; in a trainer one NaN can make a whole group's advantages NaN.",
        some[np.argsort(-missing[some], kind="stable")],
    )


def _mask(groups: GroupStatistics) -> Advice | None:
    scored = int((groups.count > 1).sum())
    dead = int(groups.all_equal.sum())
    if not dead:
        return None
    return Advice(
        "mask KL",
        f"{dead} of {scored} groups ({dead / scored:.0%}) have equal rewards. Their advantages are "
        "0, and so is their policy loss. A loss of 0 is no bug: advantages sum to 0 in each group, "
        "so at the sampled policy the loss is 0 also where its gradient is not. But a KL penalty "
        "moves the policy on groups of equal rewards, too. Multiply the whole loss of a completion "
        "by the weights of jrft.group_advantages.",
        np.empty(0, np.int64),
    )


def _in_vain(size: int) -> tuple[Advice, ...]:
    gain = f" ({np.sqrt(size - 1):.1f} for groups of {size})" if size > 1 else ""
    return (
        Advice(
            "learning rate, temperature, entropy bonus",
            "In the paper (Section 5) none of them made up for a low reward std.",
            np.empty(0, np.int64),
            worthwhile=False,
        ),
        Advice(
            "dividing by the group's std",
            "It multiplies the expected gradient of a binary reward by at most √(G − 1)"
            + gain
            + ", "
            "while the gradient itself falls with the success probability without bound.",
            np.empty(0, np.int64),
            worthwhile=False,
        ),
    )
