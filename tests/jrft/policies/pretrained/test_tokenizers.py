"""Tokenizers of older forms, which transformers turns into the new one, and splits of words."""

import json

import pytest

import jrft
from jrft.policies.pretrained import tokenizer as module

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")

TEXTS = [
    "The cat's 12345 hats, and they'LL  go\n\n  home!",
    "naïve café — №7 \t\r\n x",
    " don't  stop…  ",
]


@pytest.fixture
def sentencepiece_file(tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    text = tmp_path / "text"
    text.write_text("the cat sat on the mat\nthe dog ate the cat's hat\n" * 20)
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(tmp_path / "spiece"),
        vocab_size=19,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return tmp_path / "spiece.model"


def test_sentencepiece_of_t5(sentencepiece_file):
    sentencepiece = pytest.importorskip("sentencepiece")
    folder = sentencepiece_file.parent
    (folder / "config.json").write_text(json.dumps({"model_type": "t5"}))
    found = jrft.load_tokenizer(folder)
    plain = sentencepiece.SentencePieceProcessor(model_file=str(sentencepiece_file))
    for text in ("the cat", "a hat the dog"):
        # T5 reads the end of sequence, 1, after a text.
        assert found.encode(text).tolist() == [*plain.encode(text), 1]
        assert found.decode(found.encode(text)) == plain.decode(plain.encode(text))


@pytest.mark.parametrize(
    ("split", "name"), [("qwen2", "Qwen2Tokenizer"), ("gpt-2", "GPT2Tokenizer")]
)
def test_words_of_gguf_files_are_split_as_in_transformers(split, name):
    vocabulary = {letter: i for i, letter in enumerate(["<|endoftext|>", "a", "b", "ab"])}
    theirs = getattr(transformers, name)(vocab=vocabulary, merges=[("a", "b")]).backend_tokenizer
    ours = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, [("a", "b")]))
    module._split_words(tokenizers, ours, split)
    for text in TEXTS:
        expected = theirs.pre_tokenizer.pre_tokenize_str(text)
        assert ours.pre_tokenizer.pre_tokenize_str(text) == expected
    if split == "qwen2":
        assert ours.normalizer.normalize_str("e\u0301") == "é"
