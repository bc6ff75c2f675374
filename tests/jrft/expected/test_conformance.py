"""The conformance kit: its arrays against loops over groups, its page, its adapter in PyTorch."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import jrft
from jrft.cli import main
from jrft.expected.conformance import conformance_arrays

PAGE = (Path(__file__).parents[3] / "docs" / "conformance.md").read_text("utf-8")
GROUP, EPSILON, CLIP = 3, 0.05, 0.1


@pytest.fixture(scope="module")
def kit():
    return conformance_arrays(group_size=GROUP, epsilon=EPSILON, clip=CLIP)


def scored(logits, completions):
    """Log-probabilities and scores of the tokens of each completion, 0 where there are none."""
    log_table = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    log_probs, scores = np.zeros(completions.shape), np.zeros((*completions.shape, *logits.shape))
    for (i, t), token in np.ndenumerate(completions):
        if token >= 0:
            row = 0 if t == 0 else 1 + completions[i, 0]
            log_probs[i, t] = log_table[row, token]
            scores[i, t, row] = (np.arange(3) == token) - np.exp(log_table[row])
    return log_probs, scores


def group_advantages(rewards, ddof, epsilon):
    if np.ptp(rewards) == 0:
        return np.zeros(len(rewards))
    return (rewards - rewards.mean()) / (rewards.std(ddof=ddof) + epsilon)


def clipped_gradients(kit, case, advantages, ratio):
    """Of the completions whose advantages are given, [number, 4, 3]."""
    new, scores = scored(kit[f"{case}/logits"], kit[f"{case}/completions"])
    old, _ = scored(kit[f"{case}/old_logits"], kit[f"{case}/completions"])
    log_ratios = new - old
    if ratio == "sequence":
        log_ratios, scores = log_ratios.sum(axis=1)[:, None], scores.sum(axis=1)[:, None]
    ratios, a = np.exp(log_ratios), advantages[:, None]
    stopped = np.where(a > 0, ratios > 1 + CLIP, ratios < 1 - CLIP)
    return np.einsum("nt,ntkl->nkl", np.where(stopped, 0, ratios * a), scores)


@pytest.mark.parametrize("case", ["binary", "graded", "rare"])
def test_arrays_agree_with_loops_over_groups(kit, case):
    rewards, completions = kit[f"{case}/rewards"], kit[f"{case}/completions"]
    log_probs, scores = scored(kit[f"{case}/logits"], completions)
    probs, scores = np.exp(log_probs.sum(axis=1)), scores.sum(axis=1)
    old_probs = np.exp(scored(kit[f"{case}/old_logits"], completions)[0].sum(axis=1))
    np.testing.assert_allclose(kit[f"{case}/probs"], probs, atol=1e-14)
    np.testing.assert_allclose(kit[f"{case}/old_probs"], old_probs, atol=1e-14)
    assert probs.sum() == pytest.approx(1, abs=1e-12)
    on_policy, off_policy, chances, old_chances, alive = 0.0, 0.0, 0.0, 0.0, 0.0
    for group in map(list, itertools.product(range(len(rewards)), repeat=GROUP)):
        chance, old_chance = probs[group].prod(), old_probs[group].prod()
        equal = np.ptp(rewards[group]) == 0
        chances, old_chances = chances + chance * equal, old_chances + old_chance * equal
        a = group_advantages(rewards[group], 1, EPSILON)
        on_policy += chance * np.tensordot(a, scores[group], 1) / GROUP
        alive += chance * ~equal
        advantages = np.zeros(len(rewards))
        for member, own in zip(group, group_advantages(rewards[group], 0, 0.0), strict=True):
            advantages[member] += own
        # Equal completions of a group have equal advantages: their signs agree.
        off_policy += old_chance * clipped_gradients(kit, case, advantages, "token").sum(0) / GROUP
    np.testing.assert_allclose(kit[f"{case}/zero_std_probability"], chances, rtol=1e-11)
    np.testing.assert_allclose(kit[f"{case}/old_zero_std_probability"], old_chances, rtol=1e-11)
    kept, masked = (kit[f"{case}/grpo/ddof1/epsilon/{groups}"] for groups in ("kept", "masked"))
    np.testing.assert_allclose(kept, on_policy, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(masked, on_policy / alive, rtol=1e-9, atol=1e-13)
    found = kit[f"{case}/clipped-grpo/token/ddof0/epsilon0/kept"]
    np.testing.assert_allclose(found, off_policy, rtol=1e-9, atol=1e-15)
    gradient = (probs * rewards) @ scores.reshape(len(rewards), -1)
    np.testing.assert_allclose(kit[f"{case}/policy_gradient"].ravel(), gradient, atol=1e-14)
    for name in ("rloo", "reinforce/none"):
        np.testing.assert_allclose(kit[f"{case}/{name}/kept"].ravel(), gradient, atol=1e-13)
    for ratio in ("token", "sequence"):
        each = clipped_gradients(kit, case, kit[f"{case}/ppo/advantages"], ratio)
        found = kit[f"{case}/ppo/{ratio}"]
        np.testing.assert_allclose(found, np.tensordot(old_probs, each, 1), rtol=1e-9, atol=1e-15)


def test_settings_tell_trainers_apart(kit):
    """A kit whose arrays hardly differ would pass what is wrong."""
    for case in ("binary", "graded"):
        of_grpo = [
            kit[f"{case}/{name}/ddof{ddof}/{epsilon}/{groups}"]
            for name in ("grpo", "clipped-grpo/token", "clipped-grpo/sequence")
            for ddof in (0, 1)
            for epsilon in ("epsilon0", "epsilon")
            for groups in ("kept", "masked")
        ]
        for one, other in itertools.combinations(of_grpo, 2):
            assert np.abs(one - other).max() > 1e-3 * np.abs(one).max()
        for ratio in ("token", "sequence"):
            assert 0 < kit[f"{case}/ppo/{ratio}/clipped_share"] < 1
    assert kit["rare/zero_std_probability"] > 0.95


def test_arrays_are_float64_and_differ_between_seeds(kit):
    other = conformance_arrays(group_size=GROUP, epsilon=EPSILON, clip=CLIP, seed=1)
    assert kit.keys() == other.keys()
    assert {array.dtype.kind for array in kit.values()} == {"f", "i"}
    assert {array.dtype.itemsize for array in kit.values() if array.dtype.kind == "f"} == {8}
    assert not np.array_equal(other["binary/logits"], kit["binary/logits"])


def test_every_array_is_on_the_page(kit):
    settings = {
        r"reinforce/(none|mean)": "reinforce/BASELINE",
        r"/(token|sequence)(?=/|$)": "/RATIO",
        r"ddof[01]": "DDOF",
        r"epsilon0?(?=/)": "EPSILON",
        r"/(kept|masked)": "/GROUPS",
        r"^(binary|graded|rare)": "CASE",
    }
    for name in kit:
        if name.endswith("clipped_share"):
            name = "…/clipped_share"
        for pattern, placeholder in settings.items():
            name = re.sub(pattern, placeholder, name)
        generic = re.sub("|".join(f"/{each}/" for each in jrft.ESTIMATORS), "/ESTIMATOR/", name)
        assert f"`{name}`" in PAGE or f"`{generic}`" in PAGE, name


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_writes_what_numpy_reads_and_overwrites_nothing(folder, kit, capsys):
    settings = ["--group-size", str(GROUP), "--epsilon", str(EPSILON), "--clip", str(CLIP)]
    assert main(["conformance", "kit.npz", *settings]) == 0
    assert f"wrote kit.npz: {len(kit)} arrays" in capsys.readouterr().out
    with np.load("kit.npz", allow_pickle=False) as written:
        assert set(written) == set(kit)
        for name, array in kit.items():
            np.testing.assert_array_equal(written[name], array)
    content = Path("kit.npz").read_bytes()
    assert main(["conformance", "kit.npz", *settings, "--seed", "1"]) == 2
    assert "kit.npz exists: add --force to overwrite it" in capsys.readouterr().err
    assert Path("kit.npz").read_bytes() == content
    assert main(["conformance", "kit.npz", *settings, "--seed", "1", "--force"]) == 0
    assert Path("kit.npz").read_bytes() != content
    assert [path.name for path in folder.iterdir()] == ["kit.npz"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kit.json"], "kit.json does not end in .npz"),
        (["no/kit.npz"], "no/kit.npz: there is no folder no, make it first"),
        (["kit.npz", "--group-size", "1"], "group_size is 1: pass at least 2"),
        (["kit.npz", "--epsilon", "-1"], "epsilon is -1.0: pass a number above 0"),
        (["kit.npz", "--clip", "nan"], "clip is nan: pass a number of at least 0"),
        (["kit.npz", "--seed", "-1"], "seed is -1: pass at least 0"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(folder, capsys, arguments, message):
    assert main(["conformance", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("jrft: ")
    assert error.count("\n") == 1
    assert not list(folder.iterdir())


def test_the_adapter_on_the_page_agrees(folder, capsys):
    pytest.importorskip("torch")
    assert main(["conformance", "conformance.npz"]) == 0
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names = {}
    exec(compile(code, "docs/conformance.md", "exec"), names)
    assert len(names["deviations"]) == 6
    assert max(names["deviations"].values()) < 1e-9
    # A trainer of another ddof is found out.
    wrong = code.replace("rewards.std()", "rewards.std(unbiased=False)")
    exec(compile(wrong, "docs/conformance.md", "exec"), names)
    assert min(names["deviations"].values()) > 1e-2
