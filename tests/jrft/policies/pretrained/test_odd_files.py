"""Odd and damaged checkpoints: each loads as it is, or is refused by name, and nothing between."""

import json

import jax
import numpy as np
import pytest

import jrft
from tests.jrft.policies.pretrained import test_load as cases

tokenizers = pytest.importorskip("tokenizers")

SIZES = {**cases.SIZES, "depth": 1, "channels": 6}
# Their saved settings are the defaults wherever there is a default.
FAMILIES = {
    "gpt2": jrft.GPT2Config(vocab_size=11, max_positions=16, width=8, depth=1, heads=2),
    "llama": jrft.LlamaConfig(**SIZES, tied=False),
    "mistral": jrft.LlamaConfig(**SIZES, tied=False),
    "qwen2": jrft.LlamaConfig(**SIZES, tied=False, qkv_bias=True),
    "qwen3": jrft.LlamaConfig(**SIZES, tied=False, head_norms=True),
    "t5": jrft.T5Config(
        vocab_size=11, width=8, encoder_depth=1, decoder_depth=1, heads=2, channels=4, hidden=12
    ),
}
ABSENT = object()
CHANGES = [ABSENT, None, "odd", -1, 0, 1.5, True, [], ["odd"], {}, {"odd": 1}]
# Right values, which make another model.
OTHERS = {
    "rope_theta": [1.5],
    "rms_norm_eps": [1.5],
    "layer_norm_epsilon": [1.5],
    "eos_token_id": [0, ABSENT, None, []],
    "bos_token_id": [0, ABSENT, None],
    "decoder_start_token_id": [0],
    "tie_word_embeddings": [True],
    "sliding_window": [ABSENT],
}


@pytest.fixture(params=FAMILIES, scope="module")
def saved(request, tmp_path_factory):
    """A folder, the content of its config.json, and the model."""
    folder = tmp_path_factory.mktemp(request.param)
    policy = cases.policy_of(FAMILIES[request.param])
    jrft.save_pretrained(folder, policy, cases.random_params(policy))
    cases.word_tokenizer(folder, eos="1")
    config = json.loads((folder / "config.json").read_text())
    if request.param == "mistral":
        config |= {"model_type": "mistral", "sliding_window": None}
        (folder / "config.json").write_text(json.dumps(config))
    return folder, config, jrft.from_pretrained(folder, length=3)


def test_a_start_beyond_the_vocabulary_is_none_at_all(tmp_path):
    policy = cases.policy_of(FAMILIES["gpt2"])
    jrft.save_pretrained(tmp_path, policy, cases.random_params(policy))
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"bos_token_id": 50256}))
    # An empty prompt is then read as the end, as where there is no start.
    assert jrft.from_pretrained(tmp_path, length=3).policy.start == policy.eos


def outcome(folder):
    """The model, or the message of an error that names the place."""
    try:
        return jrft.from_pretrained(folder, length=3), None
    except ValueError as error:
        message = str(error)
    assert str(folder) in message
    assert ": " in message
    return None, message


def same(found, expected):
    if found.policy != expected.policy:
        return False
    pairs = zip(jax.tree.leaves(found.params), jax.tree.leaves(expected.params), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_every_changed_setting_loads_equal_or_is_refused(saved):
    folder, config, expected = saved
    refused = 0
    for name in config:
        for change in CHANGES:
            changed = {key: value for key, value in config.items() if key != name}
            if change is not ABSENT:
                changed[name] = change
            (folder / "config.json").write_text(json.dumps(changed))
            found, message = outcome(folder)
            refused += found is None
            if found is None:
                # Sizes that fit no tensor are told by the tensor.
                assert name in message or "tensor" in message or "shape" in message, message
            elif change not in OTHERS.get(name, []):
                assert same(found, expected), (name, change)
    assert refused > 50


@pytest.mark.parametrize(
    "name",
    [
        "rope_type",
        "factor",
        "low_freq_factor",
        "high_freq_factor",
        "original_max_position_embeddings",
    ],
)
def test_every_changed_setting_of_positions_is_read_or_refused(name, tmp_path):
    config = jrft.LlamaConfig(**SIZES, stretch=jrft.RotaryStretch(8.0, 1.0, 4.0, 16))
    policy = cases.policy_of(config)
    jrft.save_pretrained(tmp_path, policy, cases.random_params(policy))
    rotary = json.loads((tmp_path / "config.json").read_text())["rope_parameters"]
    expected = jrft.from_pretrained(tmp_path, length=3)
    for change in CHANGES:
        changed = {key: value for key, value in rotary.items() if key != name}
        if change is not ABSENT:
            changed[name] = change
        cases.edit(tmp_path, rope_parameters=changed)
        found, message = outcome(tmp_path)
        if found is None:
            assert name in message
        else:
            assert change == 1.5 or same(found, expected)
            assert found.policy.config.stretch is not None


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("llama", {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": None}),
        ("llama", {"rope_scaling": {"type": "yarn", "rope_type": "yarn"}, "rope_parameters": None}),
        ("llama", {"rope_parameters": {"rope_type": "longrope"}}),
        ("llama", {"rope_parameters": "linear"}),
        ("llama", {"partial_rotary_factor": 0.5}),
        ("llama", {"hidden_act": "gelu_pytorch_tanh"}),
        ("gpt2", {"activation_function": "relu"}),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}),
        ("gpt2", {"add_cross_attention": True}),
        ("t5", {"feed_forward_proj": "gated-silu"}),
        ("t5", {"dense_act_fn": "silu"}),
        ("t5", {"relative_attention_max_distance": 8}),
    ],
)
def test_variants_that_are_not_implemented_are_refused(family, settings, tmp_path):
    policy = cases.policy_of(FAMILIES[family])
    jrft.save_pretrained(tmp_path, policy, cases.random_params(policy))
    cases.edit(tmp_path, **settings)
    _, message = outcome(tmp_path)
    assert "config.json: " in message
    assert ": pass " in message


def test_mistral_reads_as_many_tokens_as_its_window(tmp_path):
    policy = cases.policy_of(FAMILIES["mistral"])
    jrft.save_pretrained(tmp_path, policy, cases.random_params(policy))
    cases.edit(tmp_path, model_type="mistral", sliding_window=8)
    assert jrft.from_pretrained(tmp_path, length=3).policy.config.max_positions == 8
    cases.edit(tmp_path, model_type="mistral", sliding_window=None)
    # The window that Mistral has where its file says nothing.
    assert jrft.from_pretrained(tmp_path, length=3).policy.config.max_positions == 4096


def damaged(content, seed):
    """The bytes with one changed, or cut off, or one left out."""
    rng = np.random.default_rng(seed)
    place = int(rng.integers(len(content)))
    if seed % 3 == 0:
        return content[:place]
    middle = b"" if seed % 3 == 1 else bytes([int(rng.integers(256))])
    return content[:place] + middle + content[place + 1 :]


def header_size(content):
    return 8 + int.from_bytes(content[:8], "little")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    policy = cases.policy_of(FAMILIES["llama"])
    jrft.save_pretrained(folder, policy, cases.random_params(policy))
    cases.word_tokenizer(folder, eos="1")
    names = dict.fromkeys(cases.safetensors.load_file(folder / "model.safetensors"))
    index = {"weight_map": dict.fromkeys(names, "model.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": 1}))
    return folder, jrft.from_pretrained(folder, length=3)


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ],
)
def test_damaged_bytes_raise_no_foreign_error(name, whole):
    folder, expected = whole
    content = (folder / name).read_bytes()
    kept, data = content, b""
    if name == "model.safetensors":
        # Damage to the numbers themselves cannot be seen.
        size = header_size(content)
        kept, data = content[:size], content[size:]
    refused = 0
    try:
        for seed in range(30):
            (folder / name).write_bytes(damaged(kept, seed) + data)
            found, _ = outcome(folder)
            refused += found is None
            if found is not None and name == "model.safetensors":
                assert same(found, expected)
    finally:
        (folder / name).write_bytes(content)
    assert refused >= (0 if name == "generation_config.json" else 10)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "[]"),
        ("model.safetensors.index.json", "{}"),
        ("model.safetensors.index.json", '{"weight_map": {"a": 1}}'),
        ("tokenizer.json", '{"model": {"type": "Unknown"}}'),
        ("tokenizer_config.json", "7"),
        ("tokenizer_config.json", '{"eos_token": 7}'),
        ("tokenizer_config.json", '{"chat_template": 7}'),
        ("tokenizer_config.json", '{"chat_template": [{"name": "default"}]}'),
    ],
)
def test_files_of_another_form_are_refused_by_name(name, content, whole):
    folder, _ = whole
    before = (folder / name).read_bytes()
    try:
        (folder / name).write_text(content)
        _, message = outcome(folder)
        assert str(folder / name) in message
        assert "download or save it again" in message
    finally:
        (folder / name).write_bytes(before)


@pytest.mark.parametrize("kind", ["F8_E4M3", "F8_E5M2", "I8", "U8"])
def test_quantized_tensors_are_refused(kind, whole):
    folder, _ = whole
    file = folder / "model.safetensors"
    content = file.read_bytes()
    # A header of one tensor in 8 bits, as quantized checkpoints have.
    header = json.dumps(
        {"model.norm.weight": {"dtype": kind, "shape": [8], "data_offsets": [0, 8]}}
    )
    try:
        file.write_bytes(len(header).to_bytes(8, "little") + header.encode() + bytes(8))
        with pytest.raises(ValueError, match=f"norm.weight' in {kind}, of a quantized checkpoint"):
            jrft.policies.pretrained.safetensors_files.SafetensorsFiles(folder)["model.norm.weight"]
    finally:
        file.write_bytes(content)


def test_damaged_gguf_files_raise_no_foreign_error(tmp_path):
    config = FAMILIES["llama"]
    policy = cases.policy_of(config)
    jrft.save_pretrained(tmp_path, policy, cases.random_params(policy))
    file = tmp_path / "model.gguf"
    cases.write_gguf(file, "llama", config, cases.gguf_tensors(tmp_path, "llama", config))
    content = file.read_bytes()
    start = content.rfind(b"output_norm.weight") + 100  # here the numbers begin
    refused = 0
    for seed in range(60):
        file.write_bytes(damaged(content[:start], seed) + content[start:])
        found, _ = outcome(file)
        refused += found is None
    assert refused > 20


@pytest.mark.parametrize(
    "name",
    [
        "llama.attention.head_count",
        "llama.embedding_length",
        "llama.block_count",
        "llama.feed_forward_length",
        "tokenizer.ggml.merges",
        "tokenizer.ggml.tokens",
    ],
)
def test_gguf_files_without_a_setting_are_refused(name, tmp_path):
    config = FAMILIES["llama"]
    policy = cases.policy_of(config)
    jrft.save_pretrained(tmp_path, policy, cases.random_params(policy))
    file = tmp_path / "model.gguf"
    cases.write_gguf(file, "llama", config, cases.gguf_tensors(tmp_path, "llama", config))
    # The name of a setting that no reader knows has the same length.
    other = name.encode()[:-1] + b"_"
    file.write_bytes(file.read_bytes().replace(name.encode(), other, 1))
    _, message = outcome(file)
    assert message is not None
