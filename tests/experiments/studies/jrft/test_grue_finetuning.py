"""Finetuning on GRUE, end to end on tiny random checkpoints and made-up rows."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from experiments.output.record import Record, make_record
from experiments.studies.jrft.grue_finetuning import cells, drawing, findings, gradients, study
from experiments.studies.jrft.grue_finetuning.gradients import PPOState, Texts
from experiments.studies.jrft.grue_finetuning.inputs import load_inputs
from experiments.studies.jrft.grue_finetuning.predictions import new_head, predictions
from experiments.studies.jrft.grue_statistics.models import load as load_model
from tests.cases.language_models import tiny_checkpoint

POLICY = jrft.language_model(
    jrft.GPT2Config(vocab_size=3, max_positions=16, width=4, depth=1, heads=1), length=3, eos=0
)
PARAMS = jax.tree.map(lambda leaf: 8 * leaf, POLICY.init(jax.random.key(1)))
OLD = jax.tree.map(lambda leaf: 0.3 * leaf, PARAMS)
PROMPTS = jnp.array([[-1, 1], [2, 1]])
TOKENS = np.array([[[1, 2, 0], [2, 0, -1]], [[0, -1, -1], [2, 2, 2]]])
COMPLETIONS = jnp.array(TOKENS)
REWARDS = jnp.array([[1.0, 0.25], [0.5, 0.0]])
HEAD = {"weights": jnp.array([0.1, -0.2, 0.3, 0.4]), "bias": jnp.array(0.5)}


look = jax.jit(predictions)


def batch(**changed):
    tokens = jnp.zeros(COMPLETIONS.shape)
    advantages = jax.vmap(jrft.rloo_advantages)(REWARDS)
    return Texts(
        POLICY, PROMPTS, COMPLETIONS, jnp.ones(2), REWARDS, advantages, tokens, tokens, tokens
    )._replace(**changed)


def close(one, other, atol=1e-5):
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=atol), one, other)


def tokens():
    """(input, sample, position) of every token."""
    return [tuple(index) for index in np.argwhere(TOKENS >= 0)]


@jax.jit
def tree(params):
    """Logits at all prefixes, of every input."""
    return [POLICY.tree_logits(params, prompt, 3) for prompt in PROMPTS]


def token_log_probs(params, temperature=1.0):
    """By the tree of all prefixes, {(input, sample, position): (of the token, of every token)}."""
    found, levels = {}, tree(params)
    for i, j, t in tokens():
        prefix = 0
        for token in TOKENS[i, j, :t].tolist():
            prefix = 3 * prefix + token
        row = jax.nn.log_softmax(levels[i][t][prefix] / temperature)
        found[i, j, t] = row[TOKENS[i, j, t]], row
    return found


def test_predictions_are_those_of_the_tree():
    found = look(POLICY, {"policy": PARAMS, "head": HEAD}, PROMPTS, COMPLETIONS, 0.5)
    assert found.present.sum() == len(tokens())
    for index, (one, row) in token_log_probs(PARAMS, 0.5).items():
        assert float(found.log_probs[index]) == pytest.approx(float(one), abs=1e-5)
        assert float(found.entropies[index]) == pytest.approx(-float(jnp.exp(row) @ row), abs=1e-5)
    hidden = POLICY.hidden_states(PARAMS, PROMPTS[1], COMPLETIONS[1, 1])
    close(found.values[1, 1], hidden @ HEAD["weights"] + 0.5)
    assert float(found.values[0, 1, 2]) == float(found.log_probs[0, 1, 2]) == 0


def test_adapters_predict_as_the_merged_model():
    adapted = jrft.lora(POLICY, PARAMS, rank=1)
    adapters = jax.tree.map(lambda leaf: leaf + 0.1, adapted.init(jax.random.key(2)))
    merged = {"policy": adapted.merged(adapters), "head": HEAD}
    one = look(adapted, {"policy": adapters, "head": HEAD}, PROMPTS, COMPLETIONS)
    close(one, look(POLICY, merged, PROMPTS, COMPLETIONS))
    close(new_head(adapted), jax.tree.map(jnp.zeros_like, HEAD))


def test_sft_is_the_likelihood_of_tokens():
    labels = batch(weights=jnp.array([1.0, 0.0]))
    start = {"policy": PARAMS}
    gradient, _, info = jax.jit(gradients.sft)(jax.random.key(0), start, None, labels)

    def loss(params):
        return -jnp.mean(
            jnp.stack([one for (i, *_), (one, _) in token_log_probs(params).items() if i == 0])
        )

    close(gradient, {"policy": jax.jit(jax.grad(loss))(PARAMS)})
    assert float(info["loss"]) == pytest.approx(float(loss(PARAMS)), rel=1e-4)


def test_policy_gradients_are_the_librarys():
    make = jax.jit(gradients.policy_gradient(1.0, 0.0))
    gradient, _, info = make(jax.random.key(0), {"policy": PARAMS}, None, batch())

    def of_input(i):
        samples = jrft.Samples(COMPLETIONS[i], jnp.zeros((2, 3)))
        return jrft.rloo_gradient_from(POLICY, PARAMS, PROMPTS[i], samples, REWARDS[i])[0]

    expected = jax.tree.map(lambda *leaves: -sum(leaves) / 2, of_input(0), of_input(1))
    close(gradient, {"policy": expected})
    assert float(info["reward"]) == pytest.approx(0.4375)
    with_bonus = jax.jit(gradients.policy_gradient(1.0, 0.3))
    found = with_bonus(jax.random.key(0), {"policy": PARAMS}, None, batch())[0]

    def entropy(params):
        rows = [row for _, row in token_log_probs(params).values()]
        return jnp.mean(jnp.stack([-jnp.exp(row) @ row for row in rows]))

    bonus = jax.jit(jax.grad(entropy))(PARAMS)
    close(found["policy"], jax.tree.map(lambda a, b: a - 0.3 * b, expected, bonus))


def slow_advantages(rewards, values):
    """Of one completion, by the double sum."""
    deltas = [
        reward + 0.99 * (values[t + 1] if t + 1 < len(values) else 0) - values[t]
        for t, reward in enumerate(rewards)
    ]
    return [
        sum((0.99 * 0.95) ** (k - t) * deltas[k] for k in range(t, len(deltas)))
        for t in range(len(deltas))
    ]


def test_ppo_by_hand():
    start = jax.tree.map(lambda leaf: 0.6 * leaf, PARAMS)
    old = {index: one for index, (one, _) in token_log_probs(OLD).items()}
    reference = {index: one for index, (one, _) in token_log_probs(start).items()}
    drawn = look(POLICY, {"policy": OLD, "head": HEAD}, PROMPTS, COMPLETIONS)
    at_start = look(POLICY, {"policy": start, "head": HEAD}, PROMPTS, COMPLETIONS)
    state = PPOState(jnp.int32(1), jnp.float32(0.1))
    known = batch(
        log_probs=drawn.log_probs, values=drawn.values, reference=at_start.log_probs,
        rewards=REWARDS.at[0, 0].set(jnp.nan),
    )  # fmt: skip
    params = {"policy": PARAMS, "head": HEAD}
    make = jax.jit(gradients.ppo(1.0, 0.2, 0.05, 2))
    gradient, after, info = make(jax.random.key(0), params, state, known)

    advantages, returns = {}, {}
    counted = [index for index in tokens() if index[:2] != (0, 0)]
    for i, j in {index[:2] for index in counted}:
        steps = [t for *one, t in counted if tuple(one) == (i, j)]
        values = [float(drawn.values[i, j, t]) for t in steps]
        rewards = [-0.1 * float(old[i, j, t] - reference[i, j, t]) for t in steps]
        rewards[-1] += float(REWARDS[i, j])
        for t, advantage in zip(steps, slow_advantages(rewards, values), strict=True):
            advantages[i, j, t], returns[i, j, t] = advantage, advantage + values[t]
    spread = np.array(list(advantages.values()))
    kl = np.mean([float(old[index] - reference[index]) for index in counted])

    def loss(params):
        total, found = 0.0, token_log_probs(params["policy"])
        for i, j, t in counted:
            one, row = found[i, j, t]
            ratio = jnp.exp(one - old[i, j, t])
            advantage = (advantages[i, j, t] - spread.mean()) / spread.std()
            total -= jnp.minimum(ratio * advantage, jnp.clip(ratio, 0.8, 1.2) * advantage)
            hidden = POLICY.hidden_states(PARAMS, PROMPTS[i], COMPLETIONS[i, j])[t]
            value = hidden @ params["head"]["weights"] + params["head"]["bias"]
            total += 0.5 * (value - returns[i, j, t]) ** 2 + 0.2 * jnp.exp(row) @ row
        return total / len(counted)

    close(gradient, jax.jit(jax.grad(loss))(params), atol=1e-4)
    assert float(info["clipped_share"]) > 0
    assert float(info["kl"]) == pytest.approx(kl, abs=1e-5)
    # The second of two updates from a draw steers the coefficient.
    factor = 1 + 0.1 * np.clip((kl - 0.05) / 0.05, -0.2, 0.2)
    assert float(after.kl_coefficient) == pytest.approx(0.1 * factor, rel=1e-5)
    third = make(jax.random.key(0), params, after, known)[1]
    assert float(third.kl_coefficient) == float(after.kl_coefficient)


IMDB = dataclasses.replace(study.SMOKE, tasks=("imdb",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("smoke")


@pytest.fixture(scope="module")
def results(folder):
    return study.run(IMDB, folder / "run")


def test_the_smoke_run(results):
    of_task = results["tasks"]["imdb"]
    assert np.shape(of_task["start"]["std"]) == (6, 4)
    assert not np.array_equal(of_task["start"]["mean"], of_task["start"]["again"])
    for method in IMDB.methods:
        assert np.isfinite(np.array(of_task["methods"][method]["after"], float)).all()
    assert of_task["methods"]["ppo"]["steps"] == [0, 2, 4]
    losses = of_task["methods"]["sft"]["history"]["loss"]
    assert losses[-1] < losses[0]
    record = make_record("jrft_grue_finetuning", IMDB, results, 1.0)
    assert len(study.table(record)) == 1 + 1 + 3
    assert "IMDB (sentiment (logistic regression))" in study.summary(record)
    assert len(study.figure(record).axes) == 2 * 5


def test_finished_cells_are_kept_and_a_stopped_one_goes_on(results, folder, tmp_path, monkeypatch):
    config = dataclasses.replace(IMDB, methods=("ppo",))
    rewards, calls = drawing.Sampler.rewards, []

    def interrupted(self, *arguments):
        calls.append(None)
        # Nine batches before finetuning; then the second draw of PPO, after a checkpoint.
        if len(calls) == 11:
            raise KeyboardInterrupt
        return rewards(self, *arguments)

    monkeypatch.setattr(drawing.Sampler, "rewards", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.run(config, tmp_path / "run")
    again = study.run(config, tmp_path / "run")
    # The start is read, one draw of three is not made again, and three batches are measured.
    assert len(calls) == 11 + 2 + 3
    assert again["tasks"]["imdb"]["methods"]["ppo"] == results["tasks"]["imdb"]["methods"]["ppo"]
    # Nothing is left to do: no model is loaded.
    monkeypatch.setattr(cells, "load", None)
    assert (
        study.run(config, folder / "another")["tasks"]["imdb"]["start"]
        == (results["tasks"]["imdb"]["start"])
    )


def test_sft_before_rft_sees_the_inputs_of_low_std(results, tmp_path):
    config = dataclasses.replace(
        IMDB, methods=("grpo",), sft_steps=4, label_share=0.34, label_choice="low-std",
        temperature=1.5, entropy_bonus=0.01, lora_rank=1, rate=None,
    )  # fmt: skip
    cell = study.run(config, tmp_path / "run")["tasks"]["imdb"]["methods"]["grpo"]
    assert len(cell["labeled"]) == 2
    assert np.shape(cell["at_hand_over"]) == (6, 4)
    model = load_model("tiny", 4)
    labels = load_inputs(config, "imdb", model).labels
    assert (labels[cell["labeled"]] >= 0).any(axis=1).all()


def test_missing_rewards_are_left_out_and_told(results):
    missing = batch(rewards=REWARDS.at[0, 1].set(jnp.nan), weights=jnp.array([1.0, 1.0]))
    info = gradients.reward_info(missing)
    assert float(info["reward"]) == pytest.approx(1.5 / 3)
    assert (int(info["missing"]), float(info["zero_std_share"])) == (1, 0.5)
    assert results["tasks"]["imdb"]["methods"]["ppo"]["failures"] == 0


def test_an_inputs_samples_do_not_depend_on_its_batch():
    model = load_model("tiny", 4)
    inputs = load_inputs(IMDB, "imdb", model)
    for_task = model.tokenizer, inputs, cells.task_of("imdb").sampling
    key = jax.random.key(3)
    one, other = (
        drawing.Sampler(*for_task, batch_size).measure(key, model.policy, model.params, 2)
        for batch_size in (4, 6)
    )
    np.testing.assert_array_equal(one.values, other.values)
    assert one.values.shape == (6, 2)


def test_settings_that_are_not_given_are_the_tasks():
    task, config = cells.task_of("dailydialog"), dataclasses.replace(IMDB, rate=None)
    assert cells._settings(config, task, "ppo") == [1e-6, 0.2, 0.5, 0.0]
    after_sft = dataclasses.replace(config, sft_steps=1, kl_target=0.7)
    assert cells._settings(after_sft, task, "ppo") == [1e-6, 0.2, 0.7, 0.0]
    commongen = cells.task_of("commongen")
    assert cells._settings(config, commongen, "ppo")[3] == 0.01
    assert cells._settings(config, commongen, "grpo")[3] == 0


def test_labels_end_and_texts_that_are_not_liked_have_none():
    model = load_model("tiny", 6)
    found = load_inputs(dataclasses.replace(IMDB, max_prompt=4), "imdb", model)
    decoded = [model.tokenizer.decode(row) for row in found.labels]
    for one, label in zip(found.examples, decoded, strict=True):
        # The reward is that of the short prompt and its continuation.
        liked = found.reward(one, one.references[0]) >= 0.5
        assert (len(one.prompt), label) == (4, one.references[0] if liked else "")
    assert 0 < sum(map(bool, decoded)) < len(decoded)
    dialogs = dataclasses.replace(IMDB, tasks=("dailydialog",), max_prompt=8)
    row = load_inputs(dialogs, "dailydialog", load_model("tiny", 40)).labels[0]
    end = row.tolist().index(0)
    assert (row[:end] > 0).all()
    assert (row[end + 1 :] == -1).all()


# The tiny model of the other tests is a GPT-2.
@pytest.mark.parametrize("kind", [pytest.param("gpt2", marks=pytest.mark.slow), "t5"])
def test_checkpoints_of_the_papers_models_run_end_to_end(kind, tmp_path):
    tiny_checkpoint(kind, tmp_path / kind)
    config = dataclasses.replace(
        IMDB, model=str(tmp_path / kind), max_prompt=1, num_steps=2, methods=("ppo",), sft_steps=1,
        num_measured=2, num_samples=2,
    )  # fmt: skip
    of_task = study.run(config, tmp_path / "out")["tasks"]["imdb"]
    for method in config.methods:
        assert np.isfinite(np.array(of_task["methods"][method]["after"], float)).all()


def test_what_cannot_be_run_is_refused(tmp_path):
    for changed, message in (
        ({"data": "hub"}, "data is 'hub': pass 'public' or 'made-up'"),
        ({"label_choice": "all"}, "label_choice is 'all': pass 'random' or 'low-std'"),
        ({"tasks": ("squad",)}, "tasks have 'squad': pass names among narrativeqa"),
        ({"methods": ("dpo",)}, "methods has 'dpo': pass names among sft, grpo, rloo, ppo"),
        ({"updates_per_draw": 3}, "updates_per_draw is 3: pass a divisor of num_steps=4"),
        ({"num_samples": 1}, "num_samples is 1 and num_measured 4: pass at least 2"),
    ):
        with pytest.raises(ValueError, match=message):
            study.run(dataclasses.replace(IMDB, **changed), tmp_path / "run")


def test_findings_of_a_made_up_record():
    rng = np.random.default_rng(0)
    std = np.linspace(0.05, 0.3, 40)
    start = {name: 0.5 + std[:, None] * rng.standard_normal((40, 400)) for name in cells.GROUPS}
    after = 0.5 + std[:, None] + std[:, None] * rng.standard_normal((40, 400))
    methods = {"rloo": {"after": after, "failures": 0}, "sft": {"after": start["mean"] + 0.25}}
    start |= {"failures": 2, "first_failure": "too long", "std": start["std"].tolist()}
    start["std"][7] = [None] * 400
    record = Record("made up", {}, {"tasks": {"imdb": {"start": start, "methods": methods}}}, {})
    assert findings.correlation(record, "imdb", "rloo").value > 0.9
    estimate = findings.correlation(record, "imdb", "rloo", absolute=False)
    assert 0.9 < estimate.low < estimate.value < estimate.high < 1
    # Without finetuning the noise of the change grows with the std.
    placebo = findings.correlation(record, "imdb", findings.NO_TRAINING)
    known = np.delete(np.arange(40), 7)
    noise = np.abs((start["again"] - start["mean"]).mean(axis=1)[known])
    plug_in = np.std(np.array(start["std"], float)[known], axis=1, ddof=1)
    assert placebo.value == pytest.approx(np.corrcoef(plug_in, noise)[0, 1])
    assert findings.correlation(record, "imdb", "sft", absolute=False).text(2) == "–"
    assert findings.gain(record, "imdb", "sft").text(3) == "0.250 (0.250 to 0.250)"
    beyond = findings.beyond_sft(record, "imdb", "rloo")
    expected = after.mean() - start["mean"].mean() - 0.25
    assert beyond.value == pytest.approx(expected)
    assert beyond.low < expected < beyond.high
    del methods["sft"]
    assert findings.beyond_sft(record, "imdb", "rloo").text(3) == "–"
    low, others = findings.low_and_others(record, "imdb", "rloo")
    assert low == pytest.approx(0.09, abs=0.02)
    assert others == pytest.approx(0.22, abs=0.02)
    assert findings.tenth_percentile(record, "imdb") == pytest.approx(0.075, abs=0.01)
