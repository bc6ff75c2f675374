"""Empirical Bayes: the population is learned from all prompts, then each prompt is judged by it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, Integer, Shaped

from jrft.diagnosis.model.alike import average_of_alike, distinct_sums
from jrft.diagnosis.model.candidates import Candidates, fit_candidates
from jrft.diagnosis.model.posterior import Posterior, posterior
from jrft.diagnosis.model.reward_sums import RewardSums, discounted, visits_after
from jrft.diagnosis.settings import DiagnosisSettings

# Beyond this many distinct prompts, nearly alike ones share a posterior.
_MAX_ALONE = 50_000

_EM_ITERATIONS = 45
_PSEUDO_PROMPTS = 1.0
_MAX_ROWS = 4000

_DISCOUNTS = (1.0, 0.9, 0.75, 0.6, 0.45, 0.3)
_MAX_PREDICTED = 2000


@dataclass(frozen=True)
class Population:
    """How frequent each candidate distribution is among the prompts.

    Attributes:
        candidates: k reward distributions.
        prior: float64[k], of sum 1.
    """

    candidates: Candidates
    prior: Float64[np.ndarray, " k"]

    def judge(self, sums: RewardSums, settings: DiagnosisSettings) -> Posterior:
        """Posterior of each prompt, given the sums of its rewards."""
        back = np.arange(len(sums.size))
        if self.candidates.tilts.saturated:
            sums, found = distinct_sums(sums)
            back = found.place
        if len(sums.size) > _MAX_ALONE:
            sums, averages = average_of_alike(sums)
            back = averages[back]
        return posterior(self.candidates, self.prior, sums, settings).rows(back)

    def discount(self, sums: RewardSums, prompts: Integer[np.ndarray, " v"]) -> float:
        """The discount under which a prompt's past best predicts its last visit.

        Of discounts that are as good to within one standard error, the one that forgets least.

        Args:
            sums: Of the v visits, sorted by prompt and time.
            prompts: int[v], ascending.

        Returns:
            One of 1, 0.9, 0.75, 0.6, 0.45, 0.3; 1 where no prompt was visited twice.
        """
        after = visits_after(prompts)
        again = np.unique(prompts[after > 0])
        if len(again) == 0:
            return 1.0
        if len(again) > _MAX_PREDICTED:
            again = np.random.default_rng(0).choice(again, _MAX_PREDICTED, replace=False)
        member = np.isin(prompts, again)
        sums = sums.each(lambda values: values[member])
        scores = self._predictions(sums, np.unique(prompts[member], return_inverse=True)[1])
        losses = scores[int(np.argmax(np.sum(scores, axis=1)))] - scores
        errors = losses.std(axis=1) * np.sqrt(losses.shape[1])
        # Discounts descend from 1. The best one has loss 0, so there is always one to return.
        return next(
            discount
            for discount, loss, error in zip(_DISCOUNTS, losses.sum(axis=1), errors, strict=True)
            if loss <= error
        )

    def _predictions(
        self, sums: RewardSums, prompts: Integer[np.ndarray, " v"]
    ) -> Float64[np.ndarray, "discounts p"]:
        """Log-probability of each prompt's last visit given its past, under each discount."""
        past = visits_after(prompts) > 0
        likelihood = np.exp(self.candidates.log_likelihood(sums.each(lambda a: a[~past])))
        before, owners = sums.each(lambda a: a[past]), prompts[past]
        scores = []
        for discount in _DISCOUNTS:
            seen = discounted(before, owners, int(prompts.max()) + 1, discount)
            weights = np.exp(self.candidates.log_likelihood(seen)) * self.prior
            predicted = np.sum(weights * likelihood, axis=1) / np.sum(weights, axis=1)
            scores.append(np.log(np.maximum(predicted, 1e-300)))
        return np.array(scores)


def fit_population(
    x: Float64[np.ndarray, " m"],
    sums: RewardSums,
    times: Int64[np.ndarray, " m"] | None = None,
) -> Population:
    """Learns from all prompts how frequent each reward distribution is.

    Args:
        x: float64[m], all scored rewards, in [0, 1].
        sums: `reward_sums` of the groups.
        times: int64[m], how often each was seen; None for once.
    """
    candidates = fit_candidates(x, sums, times)
    if candidates.tilts.saturated:
        sums, found = distinct_sums(sums)
        return Population(candidates, fit_prior(candidates, sums, found.counts))
    return Population(candidates, fit_prior(candidates, sums, np.ones(len(sums.size))))


def fit_prior(
    candidates: Candidates, sums: RewardSums, counts: Shaped[np.ndarray, " n"]
) -> Float64[np.ndarray, " k"]:
    """Empirical-Bayes weights of the candidates, by EM over smooth pieces.

    The prior is a mixture of Gaussian bumps over (mean, std), of three widths. EM finds the
    weights of the bumps, from an even start with the strength of one prompt. Bumps keep the prior
    smooth, and few iterations keep it from closing in on the very prompts it was fitted to:
    in simulation both were needed for intervals that cover.

    Args:
        candidates: The k distributions.
        sums: Of n groups, or of n distinct ones.
        counts: [n], how many groups each row stands for.

    Returns:
        float64[k], of sum 1.
    """
    rows = np.flatnonzero(sums.size > 0)
    if len(rows) > _MAX_ROWS:
        # Without replacement, from a fixed seed: the same log gives the same diagnosis.
        rows = np.random.default_rng(0).choice(rows, _MAX_ROWS, replace=False)
    bumps, start = candidates.smooth_pieces()
    chosen = sums.each(lambda values: values[rows])
    likelihood = np.exp(candidates.log_likelihood(chosen)) @ bumps.T
    weights = start
    for _ in range(_EM_ITERATIONS):
        shares = likelihood * weights
        shares *= (counts[rows] / shares.sum(axis=1))[:, None]
        weights = shares.sum(axis=0) + _PSEUDO_PROMPTS * start
        weights /= weights.sum()
    return weights @ bumps
