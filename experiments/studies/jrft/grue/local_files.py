"""Rows of the tasks from files in the folder that `DATA_DIR` names, in the hub's form."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from experiments.studies.jrft.grue.examples import Row


def narrative_qa(folder: Path) -> Iterator[Row]:
    """`narrativeqa/dev.json.zip`: tokenized questions on summaries."""
    for row in json.loads(_unzipped(folder / "narrativeqa/dev.json.zip", "dev.json")):
        yield {
            "question": {"text": row["question.tokens"]},
            "document": {"summary": {"text": row["context.tokens"]}},
            "answers": [{"text": answer} for answer in row["ground_truths"]],
        }


def totto(folder: Path) -> Iterator[Row]:
    """`totto/train_sample.jsonl` and `dev_sample.jsonl`, the official form."""
    for name in ("train_sample", "dev_sample"):
        with (folder / f"totto/{name}.jsonl").open(encoding="utf-8") as file:
            yield from map(json.loads, file)


def common_gen(folder: Path) -> Iterator[Row]:
    """`commongen/commongen_data.zip`: concepts and sentences, line by line."""
    path = folder / "commongen/commongen_data.zip"
    concepts, sentences = (
        _unzipped(path, f"commongen_data/commongen.train.{kind}.txt").splitlines()
        for kind in ("src_alpha", "tgt")
    )
    for concept, sentence in zip(concepts, sentences, strict=True):
        yield {"concepts": concept.split(), "target": sentence}


def iwslt2017(folder: Path) -> Iterator[Row]:
    """`iwslt2017/iwslt2017-de-en.test.jsonl.gz`."""
    path = folder / "iwslt2017/iwslt2017-de-en.test.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def cnn_dailymail(folder: Path) -> Iterator[Row]:
    """`cnndm/cnndm_sample.train.0.json`: tokenized sentences."""
    path = folder / "cnndm/cnndm_sample.train.0.json"
    for row in json.loads(path.read_text("utf-8")):
        article, highlights = (
            " ".join(word for sentence in row[side] for word in sentence) for side in ("src", "tgt")
        )
        yield {"article": article, "highlights": highlights}


def daily_dialog(folder: Path) -> Iterator[Row]:
    """`dailydialog/ijcnlp_dailydialog.zip`: a dialogue a line."""
    path = folder / "dailydialog/ijcnlp_dailydialog.zip"
    for line in _unzipped(path, "train/dialogues_train.txt").splitlines():
        yield {"dialog": [turn.strip() for turn in line.split("__eou__") if turn.strip()]}


def imdb(folder: Path) -> Iterator[Row]:
    """`imdb/aclImdb_v1.tar.gz`: the half for training, with 1 for positive reviews."""
    with tarfile.open(folder / "imdb/aclImdb_v1.tar.gz") as archive:
        for member in archive:
            parts = member.name.split("/")
            if len(parts) == 4 and parts[1] == "train" and parts[2] in ("pos", "neg"):
                content = archive.extractfile(member)
                assert content is not None
                yield {"text": content.read().decode(), "label": int(parts[2] == "pos")}


def _unzipped(path: Path, member: str) -> str:
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        return io.TextIOWrapper(file, encoding="utf-8").read()
