"""Files as they lie around: encodings, compression, unfinished files, and files beside logs."""

import bz2
import gzip
import json
import lzma

import numpy as np
import pytest

from jrft.diagnosis.log.reading import read_rewards
from tests.jrft.diagnosis.small_run import TRUE, check, row, write


@pytest.mark.parametrize("cell", ["{}", "tensor({})", "tensor([{}], device='cuda:0')"])
def test_numbers_as_text(cell, tmp_path):
    rows = [row(*one) | {"reward": cell.format(one[3]), "step": str(one[0])} for one in TRUE]
    check(read_rewards([write(tmp_path / "a.jsonl", rows)]))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("before", ["", "\ufeff"])
def test_tables_of_spreadsheets(delimiter, before, tmp_path):
    lines = [delimiter.join(["", "prompt", "reward", "step"])]
    lines += [
        delimiter.join([str(i), f"q{p}", str(r == 1), str(s)])
        for i, (s, p, _, r) in enumerate(TRUE)
    ]
    path = tmp_path / "a.csv"
    path.write_text(before + "\r\n".join(lines), newline="")
    check(read_rewards([path]))
    path.write_text(f"sep={delimiter}\n" + "\n".join(lines))
    check(read_rewards([path]))


def test_documents_tables_and_encodings(tmp_path):
    rows = [row(*one) | {"step": one[0]} for one in TRUE]
    array, table, inside = (tmp_path / name for name in ("a.json", "b.table.json", "c.json"))
    array.write_text(json.dumps(rows))
    names = list(rows[0])
    table.write_text(json.dumps({"columns": names, "data": [[r[n] for n in names] for r in rows]}))
    inside.write_text(json.dumps({"model": "m", "results": rows}))
    wide = tmp_path / "d.jsonl"
    wide.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-16")
    for path in (array, table, inside, wide):
        check(read_rewards([path]))


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip), ("bz2", bz2), ("xz", lzma)])
def test_compressed_logs_and_logs_still_being_written(suffix, pack, tmp_path):
    text = "".join(json.dumps(row(*one) | {"step": one[0]}) + "\n" for one in TRUE).encode()
    path = tmp_path / f"a.jsonl.{suffix}"
    path.write_bytes(pack.compress(text))
    check(read_rewards([path]))
    noise = "".join(
        json.dumps(
            {"prompt": f"q{i % 9}", "reward": i % 2, "x": str(np.random.default_rng(i).bytes(40))}
        )
        + "\n"
        for i in range(3000)
    )
    if suffix == "gz":
        path.write_bytes(pack.compress(noise.encode())[:-3000])
        file = read_rewards([path])
        assert 100 < file.num_rows < 3000
        assert "ends early" in file.notes[-1]
    plain = tmp_path / "live.jsonl"
    plain.write_bytes(text[:-10])
    file = read_rewards([plain])
    assert file.num_rows == len(TRUE) - 1
    assert "line 80 is not finished" in file.notes[-1]


def test_zst(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    text = "".join(json.dumps(row(*one) | {"step": one[0]}) + "\n" for one in TRUE).encode()
    path = tmp_path / "a.jsonl.zst"
    with pyarrow.CompressedOutputStream(str(path), "zstd") as out:
        out.write(text)
    check(read_rewards([path]))


def test_a_parquet_file_being_written_is_left_out(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [row(*one) | {"step": one[0]} for one in TRUE]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a_1.parquet")
    (tmp_path / "a_2.parquet").write_bytes((tmp_path / "a_1.parquet").read_bytes()[:-40])
    file = read_rewards([tmp_path])
    assert "it has no end" in " ".join(file.notes)
    check(file)


def test_files_beside_logs(tmp_path):
    rows = [row(*one) | {"step": one[0]} for one in TRUE]
    write(tmp_path / "log.jsonl", rows)
    write(tmp_path / "a_metadata.jsonl", [{"run_name": "x"}])
    (tmp_path / "model.pt").write_bytes(b"x")
    (tmp_path / "log.jsonl.gz").write_bytes(gzip.compress((tmp_path / "log.jsonl").read_bytes()))
    file = read_rewards([tmp_path])
    notes = " ".join(file.notes)
    assert "model.pt" in notes
    assert "a_metadata.jsonl: there is no reward in it" in notes
    assert "log.jsonl.gz was not read" in notes
    check(file)


def test_splits(tmp_path):
    write(tmp_path / "train" / "1.jsonl", [row(*one) | {"step": one[0]} for one in TRUE])
    # A column that only validation has is not the reward.
    others = [{"prompt": f"v{i % 3}", "reward": 9, "step": 1, "score": 1} for i in range(12)]
    write(tmp_path / "val" / "1.jsonl", others)
    assert "pass --split train" in " ".join(read_rewards([tmp_path]).notes)
    check(read_rewards([tmp_path], split="train"))
    with pytest.raises(ValueError, match="--split is odd: pass the name of a folder"):
        read_rewards([tmp_path], split="odd")
