"""Policies over a few tokens, or over a few answers, of another policy.

On these the exact functions of this package run, however large the vocabulary of the model is.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_settings
from jrft.policies.policy import Cache, Params, Policy
from jrft.policies.warped import Warped


@dataclasses.dataclass(frozen=True)
class _Restricted(Policy):
    """The settings and parameters that both kinds share."""

    vocab_size: int
    length: int
    eos: int | None
    policy: Policy

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def prompt_vocab_size(self) -> int:
        """The number of tokens of prompts, as in the model."""
        return self.policy.prompt_vocab_size

    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters of the model."""
        return self.policy.init(key)


@final
@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("policy",),
    meta_fields=("vocab_size", "length", "eos", "tokens"),
)
@dataclasses.dataclass(frozen=True)
class TokenRestricted(_Restricted):
    """A policy over some tokens of another. See `restricted_policy`.

    Attributes:
        tokens: The model's tokens; a completion holds positions in this list.
    """

    tokens: tuple[int, ...]

    @property
    def cache_axes(self) -> Any:
        """The cache's `in_axes` over completions of one prompt."""
        return self.policy.cache_axes

    def prefill(
        self, params: Params, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, " K"], Cache]:
        """Reads the prompt, which holds the model's tokens."""
        logits, cache = self.policy.prefill(params, prompt)
        return logits[self._of_model()], cache

    def step(
        self, params: Params, cache: Cache, token: Int[Array, ""]
    ) -> tuple[Float[Array, " K"], Cache]:
        """Reads one token."""
        logits, cache = self.policy.step(params, cache, self._of_model()[token])
        return logits[self._of_model()], cache

    def completion_logits(
        self, params: Params, prompt: Int[Array, " prompt"], completion: Int[Array, " length"]
    ) -> Float[Array, "length K"]:
        """Teacher forcing by the model."""
        return self.map_logits(params, prompt, completion, lambda logits, _: logits)

    def map_logits(
        self,
        params: Params,
        prompt: Int[Array, " prompt"],
        completion: Int[Array, " length"],
        function: Callable[[Float[Array, " K"], Int[Array, ""]], Any],
    ) -> Any:
        """A function of every row of the allowed tokens' logits."""

        def of_allowed(logits: Float[Array, " vocabulary"], position: Int[Array, ""]) -> Any:
            return function(logits[self._of_model()], position)

        tokens = self._of_model()[jnp.maximum(completion, 0)]
        return self.policy.map_logits(params, prompt, tokens, of_allowed)

    def _of_model(self) -> Int[Array, " K"]:
        return jnp.array(self.tokens, jnp.int32)


@final
@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("policy",),
    meta_fields=("vocab_size", "length", "eos", "answers"),
)
@dataclasses.dataclass(frozen=True)
class AnswerRestricted(_Restricted):
    """A policy over whole answers of another. See `restricted_policy`.

    Attributes:
        answers: The model's tokens, a tuple an answer; a completion is one token, the answer's
            position in this list.
    """

    answers: tuple[tuple[int, ...], ...]

    def prefill(
        self, params: Params, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, " K"], Cache]:
        """Reads the prompt, and every answer after it."""
        model = self.policy
        # An answer may be shorter than a completion of the model. What fills it is not counted,
        # and must not end it, since nothing after an end has a log-probability.
        filler = 1 if model.eos == 0 else 0
        completions = np.full((len(self.answers), model.length), filler, np.int32)
        is_answer = np.zeros(completions.shape, bool)
        for row, answer in enumerate(self.answers):
            completions[row, : len(answer)], is_answer[row, : len(answer)] = answer, True
        by_answer = jax.vmap(model.log_probs, (None, None, 0))
        log_probs = by_answer(params, prompt, jnp.asarray(completions))
        return jnp.sum(jnp.where(is_answer, log_probs, 0), axis=1), ()

    def step(
        self, params: Params, cache: Cache, token: Int[Array, ""]
    ) -> tuple[Float[Array, " K"], Cache]:
        """Is never called: a completion has one token."""
        raise NotImplementedError("a completion is one answer: there is no token after it")

    def completion_logits(
        self, params: Params, prompt: Int[Array, " prompt"], completion: Int[Array, " length"]
    ) -> Float[Array, "length K"]:
        """The log-probabilities of the answers, whichever was chosen."""
        return self.prefill(params, prompt)[0][None]


def restricted_policy(
    policy: Policy,
    *,
    tokens: ArrayLike | Sequence[int] | None = None,
    answers: Sequence[ArrayLike | Sequence[int]] | None = None,
) -> Policy:
    """A policy over a few tokens, or over a few answers, of a model.

    Its parameters and prompts are the model's. Its vocabulary is small, so that expected rewards,
    stds and gradients of a multiple-choice prompt are exact on a language model.

    With `tokens`, every step draws from these tokens alone: the model's distribution over its
    next token, given that it is one of them. With `answers`, a completion is one of the answers:
    the model's distribution over completions, given that they begin with one of the answers. The
    probability of an answer is the product over its tokens, whatever its length: include the end
    of sequence where longer answers shall not count for a shorter one.

    Where the model gives all of them probability 0, the distribution is undefined, and its
    log-probabilities are NaN. Settings that cut off tokens may do so at any prefix. Restrict the
    model first, then, and warp the restricted policy.

    Args:
        policy: The model.
        tokens: Different tokens of the model. A completion holds positions in this list. If the
            model's end of sequence is among them, it ends completions here, too.
        answers: Different answers, each of 1 … `policy.length` tokens of the model. A completion is
            int[1], a position in this list.

    Returns:
        The policy: K is the number of tokens or answers. Equal arguments give equal policies.

    Raises:
        ValueError: If not exactly one of `tokens` and `answers` is given, a token is outside the
            model's vocabulary, one repeats, an answer begins with another or does not fit, or the
            model is warped by `top_k`, `top_p` or `min_length`.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=4, length=1)
        >>> params = jnp.log(jnp.array([[0.5, 0.2, 0.2, 0.1]]))
        >>> yes_or_no = jrft.restricted_policy(policy, tokens=[1, 3])
        >>> [round(float(p), 3) for p in jnp.exp(jrft.exact_log_probs(yes_or_no, params, []))]
        [0.667, 0.333]
    """
    if (tokens is None) == (answers is None):
        given = "neither" if tokens is None else "both"
        raise ValueError(f"tokens and answers: {given} given: pass one of them")
    _check_cuts_nothing(policy)
    if tokens is not None:
        chosen = tuple(np.asarray(tokens).tolist())
        _check_tokens("tokens", chosen, policy)
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"tokens are {list(chosen)}: pass each token once")
        eos = chosen.index(policy.eos) if policy.eos in chosen else None
        return TokenRestricted(len(chosen), policy.length, eos, policy, chosen)
    assert answers is not None
    sequences = tuple(tuple(np.asarray(answer).tolist()) for answer in answers)
    _check_answers(sequences, policy)
    return AnswerRestricted(len(sequences), 1, None, policy, sequences)


def _check_cuts_nothing(policy: Policy) -> None:
    """Refuses a model that may give all tokens or answers probability 0."""
    if isinstance(policy, Warped):
        off = {"top_k": (None, policy.vocab_size), "top_p": (None, 1), "min_length": (0,)}
        for name, values in off.items():
            if (value := getattr(policy, name)) not in values:
                raise ValueError(
                    f"policy is warped by {name}={value}, which may cut off all that is to be "
                    "allowed: restrict the model first, and warp the restricted policy"
                )
    inner = getattr(policy, "policy", None)
    if inner is not None:
        _check_cuts_nothing(inner)


def _check_tokens(name: str, tokens: Sequence[int], policy: Policy) -> None:
    if not tokens:
        raise ValueError(f"{name} is empty: pass at least one token")
    wrong = [token for token in tokens if not 0 <= token < policy.vocab_size]
    if wrong:
        raise ValueError(f"{name} has token {wrong[0]}: pass tokens of 0 … {policy.vocab_size - 1}")


def _check_answers(answers: Sequence[Sequence[int]], policy: Policy) -> None:
    if not answers:
        raise ValueError("answers is empty: pass at least one answer")
    for i, answer in enumerate(answers):
        _check_tokens(f"answers[{i}]", answer, policy)
        if len(answer) > policy.length:
            raise ValueError(
                f"answers[{i}] has {len(answer)} tokens, more than the model's completions: pass a "
                f"policy of length {len(answer)} at least, or shorter answers"
            )
        if policy.eos in answer[:-1]:
            raise ValueError(
                f"answers[{i}] has the end of sequence {policy.eos} before its end: pass an answer "
                "that ends there"
            )
    # In sorted order an answer stands right before the answers that begin with it.
    ordered = sorted(range(len(answers)), key=lambda i: tuple(answers[i]))
    for i, j in itertools.pairwise(ordered):
        if tuple(answers[j][: len(answers[i])]) == tuple(answers[i]):
            raise ValueError(
                f"answers[{j}] begins with answers[{i}], so that both can be true of one "
                "completion: pass answers that end with the end of sequence"
            )
