"""How fast what was seen of a prompt gets old: the discount that predicts best."""

import numpy as np
from jaxtyping import Float64, Integer

from jrft.diagnosis.model.population import Population
from jrft.diagnosis.model.prior import log_likelihood
from jrft.diagnosis.model.sums import discounted_sums, visits_after

_DISCOUNTS = (1.0, 0.9, 0.75, 0.6, 0.45, 0.3)
_MAX_PREDICTED = 2000


def predictive_discount(
    population: Population, sums: Float64[np.ndarray, "v c"], prompts: Integer[np.ndarray, " v"]
) -> float:
    """The discount under which a prompt's past best predicts its last visit.

    Of discounts that are as good to within one standard error the one that forgets least.

    Args:
        population: The prior.
        sums: float64[v, c], of the visits, sorted by prompt and time.
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
    sums, after = sums[member], after[member]
    _, codes = np.unique(prompts[member], return_inverse=True)
    candidates, prior = (population.family, population.departures), population.prior
    last = np.exp(log_likelihood(*candidates, sums[after == 0]))
    scores = []
    for discount in _DISCOUNTS:
        past = discounted_sums(sums[after > 0], codes[after > 0], int(codes.max()) + 1, discount)
        weights = np.exp(log_likelihood(*candidates, past)) * prior
        predicted = np.sum(weights * last, axis=1) / np.sum(weights, axis=1)
        scores.append(np.log(np.maximum(predicted, 1e-300)))
    losses = scores[int(np.argmax(np.sum(scores, axis=1)))] - np.array(scores)
    errors = losses.std(axis=1) * np.sqrt(losses.shape[1])
    # Discounts descend from 1; the best one has loss 0, so there is always one to return.
    return next(
        discount
        for discount, loss, error in zip(_DISCOUNTS, losses.sum(axis=1), errors, strict=True)
        if loss <= error
    )
