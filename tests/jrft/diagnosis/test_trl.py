"""The example of docs/diagnose.md for TRL, on TRL itself: pip install trl torch."""

import re
from pathlib import Path

import numpy as np
import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "diagnose.md").read_text("utf-8")
WORDS = ["<pad>", "<eos>", "a", "b", "c", "d"]
GROUP = 4

pytestmark = pytest.mark.slow


def length_of(completions, **_):
    """The outcome: is the completion long? In prompts of b no completion is."""
    return [float(len(text.split()) > 3) for text in completions]


def outcome(prompts, completions, **_):
    pairs = zip(prompts, length_of(completions), strict=True)
    return [0.0 if "b" in prompt else long for prompt, long in pairs]


def form(completions, **_):
    return [0.1 * len(text.split()) for text in completions]


@pytest.fixture
def trainer(tmp_path):
    torch, trl = pytest.importorskip("torch"), pytest.importorskip("trl")
    transformers = pytest.importorskip("transformers")
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.manual_seed(0)
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, "<pad>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>"
    )
    config = transformers.LlamaConfig(
        **{"vocab_size": len(WORDS), "hidden_size": 16, "intermediate_size": 16},
        **{"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2},
        **{"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None},
    )
    names = {}
    codes = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    code = next(code for code in codes if "OutcomeGatedTrainer" in code)
    exec(compile(code, "docs/diagnose.md", "exec"), names)
    return names["OutcomeGatedTrainer"](
        model=transformers.LlamaForCausalLM(config),
        reward_funcs=[outcome, form],
        train_dataset=Dataset.from_dict({"prompt": ["a a", "b b", "a c", "b c"] * 4}),
        processing_class=tokenizer,
        args=trl.GRPOConfig(
            **{"output_dir": str(tmp_path), "report_to": [], "use_cpu": True, "bf16": False},
            **{"num_generations": GROUP, "per_device_train_batch_size": 16, "max_steps": 1},
            **{"max_completion_length": 6, "reward_weights": [1.0, 0.5], "save_strategy": "no"},
            **{"logging_steps": 1, "learning_rate": 1e-3, "temperature": 1.0},
        ),
    )


def test_dead_groups_are_in_no_part_of_the_default_loss(trainer):
    import torch

    assert trainer.loss_type == "dapo"  # the default, which divides by num_items_in_batch
    trainer.model.eval()
    prompts = [{"prompt": text} for text in ("a a", "b b", "a c", "b c") for _ in range(GROUP)]
    batch = trainer._generate_and_score_completions(prompts)
    mask, advantages = batch["completion_mask"], batch["advantages"]
    kept = mask.sum(1).reshape(4, GROUP) > 0
    assert not kept[[1, 3]].any()
    assert kept[[0, 2]].any()  # an outcome differs there
    assert int(batch["num_items_in_batch"]) == int(mask.sum())
    scores = trainer.scores.numpy().reshape(4, GROUP, 2)
    for group in (0, 2):
        if kept[group].any():
            total = scores[group] @ [1.0, 0.5]
            expected = (total - total.mean()) / total.std(ddof=1)
            found = advantages.reshape(4, GROUP)[group].numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-4)

    loss = trainer.compute_loss(trainer.model, batch)
    parameters = list(trainer.model.parameters())
    gradient = torch.autograd.grad(loss, parameters, allow_unused=True)
    # By hand: the mean of advantage times log-probability over the tokens of groups that are alive.
    tokens = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    attention = torch.cat([batch["prompt_mask"], mask], 1)
    logits = trainer.model(input_ids=tokens, attention_mask=attention).logits[:, :-1]
    logps = torch.log_softmax(logits, -1).gather(2, tokens[:, 1:, None])[..., 0]
    logps = logps[:, -mask.shape[1] :]
    by_hand = -(advantages[:, None] * logps * mask).sum() / mask.sum()
    expected = torch.autograd.grad(by_hand, parameters, allow_unused=True)
    assert any(one is not None and one.abs().max() > 1e-3 for one in expected)
    for one, other in zip(gradient, expected, strict=True):
        if other is not None:
            np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


def test_the_example_trains(trainer):
    before = [one.detach().clone() for one in trainer.model.parameters()]
    assert np.isfinite(trainer.train().training_loss)
    after = list(trainer.model.parameters())
    assert any((a != b).any() for a, b in zip(before, after, strict=True))
