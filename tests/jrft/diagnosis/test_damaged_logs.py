"""Damaged and foreign files stop with their name and a reason, or are left out and said."""

import json

import numpy as np
import pytest

from jrft.cli import main
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.reading import read_rewards

GOOD = "".join(json.dumps({"prompt": f"q{i // 4}", "reward": i % 2}) + "\n" for i in range(40))


def refused(path, *arguments, capsys):
    assert main(["diagnose", str(path), *arguments]) == 2
    message = capsys.readouterr().err
    assert path.name in message
    return message


def damaged_arrays(path):
    """Name → content of array files that cannot be read."""
    np.savez(path, rewards=np.zeros((40, 8)))
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[300] ^= 255
    np.save(path.with_suffix(".npy"), np.zeros(3))
    plain = path.with_suffix(".npy").read_bytes()
    return {
        "bits.npz": bytes(flipped),
        "cut.npz": whole[: len(whole) // 2],
        "empty.npz": b"",
        "header.npy": plain.replace(b"(3,)", b"(3,("),
    }


@pytest.mark.parametrize("kind", ["bits.npz", "cut.npz", "empty.npz", "header.npy"])
def test_damaged_arrays(kind, tmp_path, capsys):
    path = tmp_path / kind
    path.write_bytes(damaged_arrays(tmp_path / "whole.npz")[kind])
    assert "the file is damaged" in refused(path, capsys=capsys)


def test_an_array_that_says_it_is_huge(tmp_path, capsys):
    path = tmp_path / "huge.npy"
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
        np.lib.format.write_array_header_1_0(file, header)
    assert "the file is damaged" in refused(path, capsys=capsys)


def test_complex_and_flat_arrays(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.ones((3, 4), complex))
    message = refused(tmp_path / "a.npy", capsys=capsys)
    assert "its rewards are complex128, not real numbers or texts" in message
    np.save(tmp_path / "b.npy", np.ones(3))
    assert "not (prompts, samples)" in refused(tmp_path / "b.npy", capsys=capsys)


@pytest.mark.parametrize("step", [10**19, 1e300, "9223372036854775808"])
def test_steps_beyond_64_bits(step, tmp_path, capsys):
    rows = [json.loads(line) | {"step": step} for line in GOOD.splitlines()]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    message = refused(path, capsys=capsys)
    assert "line 1: step is" in message
    assert "not a whole number of 64 bits" in message


def test_nested_too_deeply(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    path.write_text(GOOD + '{"prompt": ' + "[" * 100_000 + "]" * 100_000 + ', "reward": 1}\n')
    assert "line 41: this is not JSON that can be read" in refused(path, capsys=capsys)
    assert read_rewards([path], skip_bad_rows=True).num_skipped == 1
    document = tmp_path / "b.json"
    document.write_text("[" * 100_000)
    assert "nested too deeply" in refused(document, capsys=capsys)


def test_half_of_a_surrogate_pair_and_nan(tmp_path):
    path, page, ids = tmp_path / "a.jsonl", tmp_path / "a.html", tmp_path / "ids"
    row = '{"prompt": "cut \\ud83d%s", "reward": NaN}\n'
    path.write_text(GOOD + row % "" + row % ("x" * 200))
    arguments = ["--report", str(page), "--ids", str(ids)]
    assert main(["diagnose", str(path), *arguments]) == 0
    assert "cut \\\\ud83d" in page.read_text() or "cut \\ud83d" in page.read_text()
    rows = [json.loads(line) for line in (ids / "unscored.jsonl").open()]
    assert {one["prompt"][:5] for one in rows} == {"cut \ud83d"}


def test_numbers_beyond_64_bits_name_no_prompts(tmp_path):
    path = tmp_path / "a.jsonl"
    # As floats of 64 bits these ids are one.
    rows = [{"id": 2**70 + i % 5, "reward": i % 2} for i in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ValueError, match="beyond 64 bits: write it as text"):
        read_rewards([path], columns=Columns(trusted=True))
    path.write_text("".join(json.dumps(row | {"id": str(row["id"])}) + "\n" for row in rows))
    assert len(read_rewards([path]).log.prompt_ids) == 5


def test_two_columns_of_one_name(tmp_path, capsys):
    table = tmp_path / "a.csv"
    table.write_text("prompt,reward,reward\nq,1,0\nq,0,1\n")
    assert "there are two columns 'reward'" in refused(table, capsys=capsys)
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = [pyarrow.array(["q", "q"]), pyarrow.array([1, 0]), pyarrow.array([0, 1])]
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.Table.from_arrays(columns, ["prompt", "reward", "reward"]), path)
    assert "there are two columns 'reward'" in refused(path, capsys=capsys)


def test_foreign_parquet(tmp_path, capsys):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [json.loads(line) for line in GOOD.splitlines()]
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, compression="none")
    whole = path.read_bytes()
    # A page that is damaged, behind a footer that is not.
    path.write_bytes(whole[:4] + b"\xff" * 60 + whole[64:])
    assert "the file is damaged" in refused(path, capsys=capsys)
    parquet.write_table(pyarrow.Table.from_pylist(rows).slice(0, 0), path)
    assert "there is no row to read" in refused(path, capsys=capsys)


def test_files_of_torch_are_refused_with_a_remedy_that_works(tmp_path, capsys):
    path = tmp_path / "rollout_0.pt"
    path.write_bytes(b"x")
    message = refused(path, capsys=capsys)
    assert "loading them runs code" in message
    # The remedy writes the list of samples as one document.
    rows = [json.loads(line) for line in GOOD.splitlines()]
    (tmp_path / "rollout_0.json").write_text(json.dumps(rows))
    assert len(read_rewards([tmp_path / "rollout_0.json"]).log.rewards) == 40


def test_json_lines_under_the_name_of_a_document(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(GOOD)
    assert len(read_rewards([path]).log.rewards) == 40


def test_documents_beside_a_log_are_left_out(tmp_path, capsys):
    (tmp_path / "log.jsonl").write_text(GOOD)
    (tmp_path / "metadata.json").write_text('{"model": "m", "num_examples": 3}')
    file = read_rewards([tmp_path])
    assert "metadata.json: there are no rows in this document" in " ".join(file.notes)
    assert len(file.log.rewards) == 40
    assert "no rows in this document" in refused(tmp_path / "metadata.json", capsys=capsys)


def test_an_unfinished_zst_beside_a_log_is_said(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "log.jsonl").write_text(GOOD)
    (tmp_path / "more.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd\x00")
    assert "more.jsonl.zst: the compressed file ends early" in " ".join(
        read_rewards([tmp_path]).notes
    )
