"""The tasks of GRUE on tiny samples."""

import gzip
import io
import json
import math
import tarfile
import zipfile

import numpy as np
import pytest

from experiments.data.sources import DataUnavailableError
from experiments.studies.jrft.grue import examples, metrics, tasks
from experiments.studies.jrft.grue.examples import Example

TABLE = {
    "table": [
        [
            {"value": "Season", "is_header": True, "column_span": 1},
            {"value": "Goals", "is_header": True, "column_span": 2},
        ],
        [
            {"value": "2010", "is_header": False, "column_span": 1},
            {"value": "3", "is_header": False, "column_span": 1},
            {"value": "7", "is_header": False, "column_span": 1},
        ],
    ],
    "table_page_title": "A player",
    "table_section_title": "Career",
    "highlighted_cells": [[1, 0], [1, 2]],
    "sentence_annotations": [{"final_sentence": "He scored 7."}],
}
REVIEWS = [("a great film", "pos"), ("a bad film", "neg"), ("great, great", "pos"), ("bad", "neg")]


def zipped(path, members):
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Local files of all tasks, in the layouts that are read."""
    question = {
        "question.tokens": "Who sings ?",
        "context.tokens": "Echo sings .",
        "ground_truths": ["Echo", "the nymph"],
    }
    zipped(tmp_path / "narrativeqa/dev.json.zip", {"dev.json": json.dumps([question])})
    part = "commongen_data/commongen.train"
    concepts = {f"{part}.src_alpha.txt": "dog run\ndog run\ncat\n"}
    sentences = {f"{part}.tgt.txt": "A dog runs.\nDogs run.\nA cat sits.\n"}
    zipped(tmp_path / "commongen/commongen_data.zip", concepts | sentences)
    turns = " __eou__ ".join("abcdefg") + " __eou__\n"
    zipped(tmp_path / "dailydialog/ijcnlp_dailydialog.zip", {"train/dialogues_train.txt": turns})
    for name in ("totto", "iwslt2017", "cnndm", "imdb"):
        (tmp_path / name).mkdir()
    (tmp_path / "totto/train_sample.jsonl").write_text(json.dumps(TABLE) + "\n")
    (tmp_path / "totto/dev_sample.jsonl").write_text("")
    with gzip.open(tmp_path / "iwslt2017/iwslt2017-de-en.test.jsonl.gz", "wt") as file:
        file.write(json.dumps({"translation": {"de": "Hallo.", "en": "Hello."}}) + "\n")
    article = [{"src": [["a", "b", "."], ["c", "."]], "tgt": [["a", "."]]}]
    (tmp_path / "cnndm/cnndm_sample.train.0.json").write_text(json.dumps(article))
    with tarfile.open(tmp_path / "imdb/aclImdb_v1.tar.gz", "w:gz") as archive:
        for i, (text, kind) in enumerate(REVIEWS):
            member = tarfile.TarInfo(f"aclImdb/train/{kind}/{i}_1.txt")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return tmp_path


EXPECTED = {
    "narrativeqa": [
        Example("question: Who sings ? context: Echo sings .", ("Echo", "the nymph")),
    ],
    "totto": [
        Example(
            "<page_title> A player </page_title> <section_title> Career </section_title> <table> "
            "<cell> 2010 <col_header> Season </col_header> </cell> "
            "<cell> 7 <col_header> Goals </col_header> </cell> </table>",
            ("He scored 7.",),
        )
    ],
    "commongen": [
        Example("generate a sentence with: dog run", ("A dog runs.", "Dogs run.")),
        Example("generate a sentence with: cat", ("A cat sits.",)),
    ],
    "iwslt2017": [Example("translate English to German: Hello.", ("Hallo.",))],
    "cnn_dailymail": [Example("Summarize: a b . c .", ("a .",))],
    "imdb": [Example(text) for text, _ in REVIEWS],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_examples_from_local_files(folder, name):
    assert tasks.TASKS[name].examples(tasks.rows_of(name)) == EXPECTED[name]


def test_a_dialogue_has_a_prompt_of_five_turns_for_each_turn_after_the_first(folder):
    found = tasks.TASKS["dailydialog"].examples(tasks.rows_of("dailydialog"))
    assert found[0] == Example("a\n", ("b",))
    assert found[-1] == Example("b\nc\nd\ne\nf\n", ("g",))
    assert len(found) == 6


def test_the_hubs_form_of_sentences_is_read():
    row = TABLE | {"sentence_annotations": {"final_sentence": ["one", "two"]}}
    assert examples.totto([row])[0].references == ("one", "two")


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    def unreachable(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(tasks, "import_module", unreachable)
    with pytest.raises(DataUnavailableError, match=r"ToTTo is not at hand .*: set DATA_DIR to"):
        tasks.rows_of("totto")
    with pytest.raises(ValueError, match="tasks have 'squad': pass names among narrativeqa"):
        tasks.rows_of("squad")


def test_the_hub_is_asked_by_public_names(tmp_path, monkeypatch):
    asked = []

    class Datasets:
        @staticmethod
        def load_dataset(name, config, *, split, revision):
            asked.append((name, config, split, revision))
            return [{"translation": {"de": "Ja.", "en": "Yes."}}]

    monkeypatch.delenv("DATA_DIR", raising=False)
    monkeypatch.setattr(tasks, "import_module", lambda name: Datasets)
    rows = tasks.rows_of("iwslt2017")
    assert tasks.TASKS["iwslt2017"].examples(rows)[0].references == ("Ja.",)
    assert asked == [("IWSLT/iwslt2017", "iwslt2017-en-de", "train", "refs/convert/parquet")]


def test_rouge_l():
    pytest.importorskip("rouge_score", reason="rouge-score is not installed")
    reward = metrics.rouge_l()
    # The longest common subsequence has 2 words of 3 and of 2.
    example = Example("", ("no", "the cat sat"))
    assert reward(example, "the sat") == pytest.approx(2 * (2 / 3) / (2 / 3 + 1))
    assert reward(example, "") == 0


def test_bleu():
    pytest.importorskip("sacrebleu", reason="sacrebleu is not installed")
    reward = metrics.sentence_bleu("intl")
    example = Example("", ("the cat sat on the mat",))
    assert reward(example, "the cat sat on the mat") == pytest.approx(1)
    # Three of four words: shares 3/4, 1/3, and a half and a quarter in place of none of 2 and 1.
    expected = (3 / 4 * 1 / 3 * 1 / 4 * 1 / 4) ** 0.25 * math.exp(1 - 6 / 4)
    assert reward(example, "the cat a mat") == pytest.approx(expected)
    assert reward(example, "") == 0


def test_meteor_without_synonyms(monkeypatch):
    pytest.importorskip("nltk", reason="nltk is not installed")
    monkeypatch.setattr(metrics, "_wordnet", lambda: None)
    assert metrics.meteor_name() == "METEOR without synonyms"
    reward = metrics.meteor()
    # One chunk of two matches, by stem and by word; precision 1, recall 2/3.
    f_mean = 1 * (2 / 3) / (0.9 * 1 + 0.1 * 2 / 3)
    expected = f_mean * (1 - 0.5 * (1 / 2) ** 3)
    assert reward(Example("", ("dogs run home", "x")), "dog run") == pytest.approx(expected)
    assert reward(Example("", ("dogs run",)), "") == 0


def test_meteor_takes_synonyms_from_wordnet(monkeypatch):
    pytest.importorskip("nltk", reason="nltk is not installed")

    class Lemma:
        def __init__(self, name):
            self.name = lambda: name

    class Synset:
        @staticmethod
        def lemmas():
            return [Lemma("auto")]

    class WordNet:
        @staticmethod
        def synsets(word):
            return [Synset] if word == "car" else []

    monkeypatch.setattr(metrics, "_wordnet", lambda: WordNet)
    assert metrics.meteor_name() == "METEOR"
    assert metrics.meteor()(Example("", ("an auto",)), "a car") > 0


def test_sentiment_is_of_prompt_and_completion():
    reward = metrics.positive_sentiment([text for text, _ in REVIEWS] * 2, [1, 0, 1, 0] * 2)
    good, bad = (reward(Example("the film is "), word) for word in ("great", "bad"))
    assert bad < 0.5 < good


def test_failures_are_counted_and_are_no_zeros():
    def reward(example, text):
        return {"nan": math.nan, "inf": math.inf}.get(text) or 1 / len(text)

    values, failures = metrics.scored(reward, Example(""), ["ab", "nan", "", "inf"])
    np.testing.assert_array_equal(values, [0.5, np.nan, np.nan, np.nan])
    assert failures == [
        "the reward is NaN",
        "ZeroDivisionError: division by zero",
        "the reward is infinite",
    ]


def test_a_missing_metric_is_named(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(metrics, "import_module", missing)
    with pytest.raises(DataUnavailableError, match=r"sacrebleu .*pip install 'jwi-jrft\[grue\]'"):
        metrics.sentence_bleu("13a")


def test_reviews_that_are_inputs_teach_the_classifier_nothing(folder, monkeypatch):
    seen = []
    monkeypatch.setattr(
        metrics, "positive_sentiment", lambda texts, labels: seen.append((texts, labels))
    )
    rows = tasks.rows_of("imdb")
    inputs, _ = tasks.inputs_and_reward("imdb", rows, [9, 2, 0, 1, 3], 5)
    assert [example.prompt for example in inputs] == ["great, great", "a great film"]
    assert seen == [(["a bad film", "bad"], [0, 0])]
