"""Logits, decoding and gradients against PyTorch transformers, on random tiny models."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("safetensors")

LLAMA = {
    "vocab_size": 31,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 6,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}
STRETCHED = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
T5 = {
    "vocab_size": 31,
    "d_model": 16,
    "d_kv": 6,
    "d_ff": 24,
    "num_layers": 3,
    "num_decoder_layers": 2,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 12,
    "decoder_start_token_id": 0,
    "initializer_factor": 1.0,
}
MODELS = {
    "gpt2": lambda: transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=31, n_positions=64, n_embd=16, n_layer=2, n_head=4, initializer_range=0.3
        )
    ),
    "llama": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**LLAMA)),
    "llama stretched, tied, biases": lambda: transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            **LLAMA,
            rope_parameters=STRETCHED,
            tie_word_embeddings=True,
            attention_bias=True,
            mlp_bias=True,
        )
    ),
    "qwen2": lambda: transformers.Qwen2ForCausalLM(
        transformers.Qwen2Config(**{**LLAMA, "head_dim": 4})
    ),
    "mistral, no longer than its window": lambda: transformers.MistralForCausalLM(
        transformers.MistralConfig(**LLAMA, sliding_window=10)
    ),
    "qwen3": lambda: transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**LLAMA)),
    "t5 v1.0": lambda: transformers.T5ForConditionalGeneration(transformers.T5Config(**T5)),
    "t5 v1.1": lambda: transformers.T5ForConditionalGeneration(
        transformers.T5Config(**T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    ),
}
LENGTH = 6
PROMPTS = np.array([[-1, -1, -1, 7, 3], [4, 9, 1, 22, 30], [-1, 30, 2, 2, 5]], np.int32)
COMPLETIONS = np.array([[5, 6, 30, 1, 1, 8], [0, 3, 0, 3, 12, 4], [29, 1, 7, 7, 7, 2]], np.int32)


@functools.cache
def peer(name):
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and scales start as constants
            parameter += 0.1 * torch.randn_like(parameter)
    return model


@pytest.fixture(params=MODELS, scope="module")
def pair(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    peer(request.param).save_pretrained(folder)
    ours = jrft.from_pretrained(folder, length=LENGTH, eos=1)
    assert ours.tokenizer is None
    return ours, peer(request.param)


def peer_logits(model, prompts, completions):
    """Logits of all completions' tokens, float[B, length, K]."""
    prompts, completions = torch.as_tensor(prompts).long(), torch.as_tensor(completions).long()
    if model.config.is_encoder_decoder:
        start = torch.full((len(prompts), 1), model.config.decoder_start_token_id)
        decoded = torch.cat([start, completions[:, :-1]], 1)
        mask = (prompts >= 0).long()
        return model(prompts.clamp(min=0), attention_mask=mask, decoder_input_ids=decoded).logits
    tokens = torch.cat([prompts, completions[:, :-1]], 1)
    mask = (tokens >= 0).long()
    position = (mask.cumsum(-1) - 1).clamp(min=0)
    tokens = tokens.clamp(min=0)
    logits = model(tokens, attention_mask=mask, position_ids=position).logits
    return logits[:, prompts.shape[1] - 1 :]


@jax.jit
def our_logits(policy, params, prompts, completions):
    return jax.vmap(policy.completion_logits, (None, 0, 0))(params, prompts, completions)


def test_logits(pair):
    (policy, params, _), model = pair
    with torch.no_grad():
        expected = peer_logits(model, PROMPTS, COMPLETIONS).numpy()
    found = our_logits(policy, params, PROMPTS, COMPLETIONS)
    assert expected.std() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_gradients(pair, tmp_path):
    (policy, params, _), model = pair

    @jax.jit
    @jax.grad
    def gradient(params):
        by_row = jax.vmap(policy.log_probs, (None, 0, 0))
        return by_row(params, PROMPTS, jnp.where(COMPLETIONS == 1, 2, COMPLETIONS)).sum()

    completions = torch.tensor(np.where(COMPLETIONS == 1, 2, COMPLETIONS)).long()
    model.zero_grad()
    log_probs = peer_logits(model, PROMPTS, completions).log_softmax(-1)
    log_probs.gather(-1, completions[..., None]).sum().backward()
    jrft.save_pretrained(tmp_path, policy, gradient(params))
    found = safetensors_of(tmp_path)
    # Tied parameters are there once.
    expected = {name: p.grad.numpy() for name, p in model.named_parameters() if name in found}
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-4 * max(1, np.abs(value).max()))


def safetensors_of(folder):
    from safetensors.numpy import load_file

    return load_file(folder / "model.safetensors")


def test_greedy_decoding(pair):
    (policy, params, _), model = pair
    prompts = torch.tensor(PROMPTS).long()
    generated = model.generate(
        prompts.clamp(min=0),
        attention_mask=(prompts >= 0).long(),
        max_new_tokens=LENGTH,
        do_sample=False,
        eos_token_id=1,
        pad_token_id=0,
        bos_token_id=0,
    ).numpy()
    skipped = 1 if model.config.is_encoder_decoder else prompts.shape[1]
    for prompt, row in zip(PROMPTS, generated[:, skipped:], strict=True):
        likeliest = jrft.warped_policy(policy, top_k=1)
        greedy = jrft.sample(jax.random.key(0), likeliest, params, prompt, 1)
        found = np.array(greedy.completions[0])
        ends = np.flatnonzero(row == 1)
        size = ends[0] + 1 if ends.size else LENGTH
        np.testing.assert_array_equal(found[:size], row[:size])
        assert (found[size:] == -1).all()


def test_transformers_loads_what_is_saved(pair, tmp_path):
    (policy, params, _), model = pair
    jrft.save_pretrained(tmp_path, policy, params)
    again = type(model).from_pretrained(tmp_path).eval()
    with torch.no_grad():
        expected = peer_logits(model, PROMPTS, COMPLETIONS).numpy()
        found = peer_logits(again, PROMPTS, COMPLETIONS).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    policy_again, params_again, _ = jrft.from_pretrained(tmp_path, length=LENGTH)
    assert policy_again.config == policy.config
    jax.tree.map(np.testing.assert_array_equal, params_again, params)
