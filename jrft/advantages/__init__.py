"""Advantages: the numbers that an estimator multiplies the scores of a group's completions with.

A method is a file with one function, float[g] → float[g], and one line in the table below. Its name
then stands in `ESTIMATORS`, in `jrft.__all__`, in the conformance kit and in the experiments.
"""

from collections.abc import Callable

from jaxtyping import Array, Float

from jrft.advantages.groups import GroupAdvantages, group_advantages, keep_mask

# isort: split
# The table of methods.
from jrft.advantages.grpo import grpo_advantages as grpo_advantages
from jrft.advantages.mean import mean_advantages as mean_advantages
from jrft.advantages.reinforce import reinforce_advantages as reinforce_advantages
from jrft.advantages.rloo import rloo_advantages as rloo_advantages

Advantages = Callable[[Float[Array, " g"]], Float[Array, " g"]]
"""A traceable function of the rewards of one group."""

_METHODS = [name for name in globals() if name.endswith("_advantages")]
_METHODS.remove(group_advantages.__name__)

ESTIMATORS: dict[str, Advantages] = {
    name.removesuffix("_advantages"): globals()[name] for name in _METHODS
}
"""The advantage function of each method, by its name."""

__all__ = ["ESTIMATORS", "GroupAdvantages", "group_advantages", "keep_mask", *_METHODS]
