"""Checkpoints of random tiny models, in all forms that people have, and damaged ones."""

import json
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft

safetensors = pytest.importorskip("safetensors.numpy")
tokenizers = pytest.importorskip("tokenizers")

SIZES = {"vocab_size": 11, "width": 8, "depth": 2, "heads": 4, "key_heads": 2, "hidden": 12}
LLAMA = jrft.LlamaConfig(**SIZES, channels=6, tied=False, max_positions=64)
QWEN2 = jrft.LlamaConfig(**SIZES, channels=2, qkv_bias=True, max_positions=64)
QWEN3 = jrft.LlamaConfig(**SIZES, channels=6, head_norms=True, max_positions=64)
GPT2 = jrft.GPT2Config(vocab_size=11, max_positions=16, width=8, depth=2, heads=2)
T5 = jrft.T5Config(
    vocab_size=11, width=8, encoder_depth=2, decoder_depth=1, heads=2, channels=4, hidden=12
)


def policy_of(config, **settings):
    return jrft.language_model(config, length=3, eos=1, start=0, **settings)


def random_params(policy, dtype=jnp.float32):
    """Without `init`, which takes long to compile."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(policy.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), dtype), shapes)


def assert_equal(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_array_equal, found, expected)


@pytest.fixture
def folder(tmp_path):
    """A folder with the Llama, in one file."""
    policy = policy_of(LLAMA)
    jrft.save_pretrained(tmp_path, policy, random_params(policy))
    return tmp_path


def edit(folder, **settings):
    file = folder / "config.json"
    config = json.loads(file.read_text()) | settings
    file.write_text(json.dumps({name: x for name, x in config.items() if x is not None}))


@pytest.mark.parametrize("config", [LLAMA, QWEN2, QWEN3, GPT2, T5], ids=lambda c: type(c).__name__)
def test_what_is_saved_is_loaded(config, tmp_path):
    policy = policy_of(config)
    params = random_params(policy)
    jrft.save_pretrained(tmp_path, policy, params)
    found = jrft.from_pretrained(tmp_path, length=3)
    assert found.policy == policy
    assert found.tokenizer is None
    assert_equal(found.params, params)


def test_bfloat16_checkpoints_are_read_as_float32_or_as_they_are(tmp_path):
    policy = policy_of(QWEN2)
    params = random_params(policy, jnp.bfloat16)
    jrft.save_pretrained(tmp_path, policy, params)
    as_they_are = jrft.from_pretrained(tmp_path, length=3, param_dtype="bfloat16").params
    assert_equal(as_they_are, params)
    as_float32 = jrft.from_pretrained(tmp_path, length=3).params
    assert {leaf.dtype.name for leaf in jax.tree.leaves(as_float32)} == {"float32"}
    assert_equal(jax.tree.map(lambda x: x.astype(jnp.bfloat16), as_float32), params)


def test_adapters_are_saved_with_their_model(tmp_path):
    policy = policy_of(QWEN2)
    params = random_params(policy)
    adapted = jrft.lora(policy, params, rank=1)
    adapters = jax.tree.map(lambda x: jnp.ones_like(x) / 8, adapted.init(jax.random.key(0)))
    jrft.save_pretrained(tmp_path, adapted, adapters)
    found = jrft.from_pretrained(tmp_path, length=3)
    assert found.policy == policy
    assert_equal(found.params, adapted.merged(adapters))
    with pytest.raises(ValueError, match="policy is of type Warped: pass a language model, or"):
        jrft.save_pretrained(tmp_path, jrft.warped_policy(policy, top_k=2), params)


def test_64_bits(folder):
    expected = jrft.from_pretrained(folder, length=3)
    with jax.enable_x64(True):
        policy, params, _ = jrft.from_pretrained(folder, length=3, param_dtype="float64")
        found = policy.log_probs(params, jnp.array([4, 2]), jnp.array([3, 5, 1]))
        assert found.dtype == jnp.float64
    single = expected.policy.log_probs(expected.params, jnp.array([4, 2]), jnp.array([3, 5, 1]))
    np.testing.assert_allclose(found, single, rtol=1e-4)


def test_sharded_files_are_one_checkpoint(folder):
    expected = jrft.from_pretrained(folder, length=3).params
    tensors = safetensors.load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    weight_map = {}
    for i, part in enumerate((names[::2], names[1::2])):
        file = f"model-{i + 1:05}-of-00002.safetensors"
        safetensors.save_file({name: tensors[name] for name in part}, folder / file)
        weight_map |= dict.fromkeys(part, file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    assert_equal(jrft.from_pretrained(folder, length=3).params, expected)
    (folder / file).unlink()
    with pytest.raises(ValueError, match=f"which has no {file}: pass a folder with all"):
        jrft.from_pretrained(folder, length=3)


def test_the_hub_is_asked_for_the_files_that_are_read(folder, monkeypatch):
    def snapshot_download(name, *, allow_patterns):
        assert name == "somebody/model"
        assert {"*.json", "*.safetensors", "*.model"} <= set(allow_patterns)
        assert not any("bin" in pattern for pattern in allow_patterns)
        return str(folder)

    fake = SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    assert jrft.from_pretrained("somebody/model", length=3).policy == policy_of(LLAMA)


def test_without_a_hub_or_a_network_the_error_says_what_to_put_where(monkeypatch):
    remedy = "put the model's config.json, .safetensors files and tokenizer.json into a folder, and"

    def snapshot_download(name, **_):
        raise OSError("no route")

    fake = SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    with pytest.raises(ValueError, match=rf"not had from the hub \(OSError\): {remedy}"):
        jrft.from_pretrained("somebody/model", length=3)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=f"huggingface_hub is not installed .*: {remedy}"):
        jrft.from_pretrained("somebody/model", length=3)


def word_tokenizer(folder, *, eos):
    words = tokenizers.models.WordLevel({str(i): i for i in range(11)}, "0")
    tokenizers.Tokenizer(words).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": eos}))


def test_of_several_ends_the_tokenizer_has_its_own(folder):
    edit(folder, eos_token_id=[4, 7])
    with pytest.raises(ValueError, match=r"eos is None, and eos_token_id is \[4, 7\]: pass"):
        jrft.from_pretrained(folder, length=3)
    assert jrft.from_pretrained(folder, length=3, eos=4).policy.eos == 4
    word_tokenizer(folder, eos="7")
    assert jrft.from_pretrained(folder, length=3).policy.eos == 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"model_type": "gpt_neox"},
            r"config.json: model_type is 'gpt_neox': .* gpt2, llama, mistral, qw",
        ),
        ({"hidden_act": "gelu"}, "config.json: hidden_act is 'gelu': pass a model with 'silu'"),
        ({"hidden_size": None}, "config.json: hidden_size is missing: pass"),
        ({"vocab_size": 12}, r"has shape \[11, 8\], its configuration says \[12, 8\]: pass"),
        ({"num_hidden_layers": 3}, r"there is no tensor 'model.layers.2.\S+': pass the checkpoint"),
    ],
)
def test_other_configurations_are_refused(folder, settings, message):
    edit(folder, **settings)
    with pytest.raises(ValueError, match=message):
        jrft.from_pretrained(folder, length=3)


def test_damaged_and_missing_files_are_refused(folder):
    def refused(message, **settings):
        with pytest.raises(ValueError, match=message):
            jrft.from_pretrained(folder, length=3, **settings)

    refused("param_dtype is 'int8': pass 'float32' or 'bfloat16'", param_dtype="int8")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    refused("model.safetensors is damaged .*: download or save it again")
    weights.unlink()
    (folder / "pytorch_model.bin").touch()
    refused("its .bin files are pickles, which are not read")
    (folder / "config.json").write_text("{")
    refused("config.json is damaged .*: download or save it again")
    (folder / "config.json").unlink()
    refused("which has no config.json: pass a folder with config.json and .safetensors")


def write_gguf(path, kind, config, tensors, *, model="gpt2", split="default"):
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(path, kind)
    writer.add_context_length(config.max_positions)
    writer.add_embedding_length(config.width)
    writer.add_block_count(config.depth)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.key_heads)
    writer.add_key_length(config.channels)
    writer.add_feed_forward_length(config.hidden)
    writer.add_layer_norm_rms_eps(config.epsilon)
    writer.add_rope_freq_base(config.theta)
    writer.add_eos_token_id(1)
    writer.add_bos_token_id(0)
    writer.add_tokenizer_model(model)
    writer.add_tokenizer_pre(split)
    # Bytes are spelt as GPT-2 does: Ġ is a blank.
    writer.add_token_list(["<s>", "</s>", "a", "b", "Ġ", "ab", "1", "2", "é", "c", "d"])
    writer.add_token_types([3, 3] + 9 * [1])
    writer.add_token_merges(["a b"])
    for name, value in tensors.items():
        writer.add_tensor(name, np.ascontiguousarray(value, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


PARTS = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
OTHERS = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def gguf_tensors(folder, kind, config):
    """The tensors of a folder under llama.cpp's names; in Llama it interleaves halves of heads."""
    renamed = {}
    for name, value in safetensors.load_file(folder / "model.safetensors").items():
        if name in OTHERS:
            renamed[OTHERS[name]] = value
            continue
        _, _, layer, part = name.split(".", 3)
        part, leaf = part.rsplit(".", 1)
        if kind == "llama" and part in ("self_attn.q_proj", "self_attn.k_proj"):
            heads = config.heads if "q_proj" in part else config.key_heads
            halves = value.reshape(heads, 2, config.channels // 2, -1)
            value = halves.swapaxes(1, 2).reshape(value.shape)
        renamed[f"blk.{layer}.{PARTS[part]}.{leaf}"] = value
    return renamed


@pytest.mark.parametrize(
    ("kind", "config", "split"),
    [("llama", LLAMA, "llama-bpe"), ("qwen2", QWEN2, "qwen2"), ("qwen3", QWEN3, "qwen2")],
)
def test_gguf(kind, config, split, tmp_path):
    policy = policy_of(config)
    params = random_params(policy)
    jrft.save_pretrained(tmp_path, policy, params)
    file = tmp_path / "model.gguf"
    write_gguf(file, kind, config, gguf_tensors(tmp_path, kind, config), split=split)
    found = jrft.from_pretrained(file, length=3)
    assert_equal(found.params, params)
    assert found.policy.config.epsilon == pytest.approx(config.epsilon)
    assert (found.policy.eos, found.policy.start) == (1, 0)
    # Qwen writes one digit a word, Llama 3 up to three; "</s>" is one token.
    assert found.tokenizer.encode("ab 12</s>").tolist() == [5, 4, 6, 7, 1]
    words = [word for word, _ in found.tokenizer.model.pre_tokenizer.pre_tokenize_str("1234")]
    assert words == (["123", "4"] if split == "llama-bpe" else list("1234"))


def test_an_unknown_tokenizer_of_a_gguf_file_is_none_unless_a_file_stands_beside_it(tmp_path):
    policy = policy_of(LLAMA)
    jrft.save_pretrained(tmp_path, policy, random_params(policy))
    file = tmp_path / "model.gguf"
    write_gguf(file, "llama", LLAMA, gguf_tensors(tmp_path, "llama", LLAMA), model="llama")
    assert jrft.from_pretrained(file, length=3).tokenizer is None
    word_tokenizer(tmp_path, eos="1")
    assert jrft.from_pretrained(file, length=3).tokenizer.encode("5").tolist() == [5]


def test_other_gguf_files_are_refused(tmp_path):
    file = tmp_path / "model.gguf"
    write_gguf(file, "gemma", LLAMA, {})
    with pytest.raises(ValueError, match=r"is 'gemma' in \S+model.gguf: .* llama, qwen2, qwen3"):
        jrft.from_pretrained(file, length=3)
    file.write_bytes(b"GGUFjunk")
    with pytest.raises(ValueError, match=r"model.gguf is damaged"):
        jrft.from_pretrained(file, length=3)
    with pytest.raises(ValueError, match="no such file"):
        jrft.from_pretrained(tmp_path / "none.gguf", length=3)
