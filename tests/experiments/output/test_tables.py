import numpy as np
import pytest

from experiments.output.tables import mean_and_std, print_table, standard_error


def test_columns_are_aligned(capsys):
    print_table([["a", "bb"], ["[ccc]", "d"]])
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "a      bb",
        "[ccc]   d",
    ]


def test_wide_tables_keep_their_lines(capsys):
    print_table([["heading"] * 60, ["cell"] * 60])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_mean_and_sample_std():
    assert mean_and_std(np.array([1.0, 2.0, 3.0]), 1) == "2.0 ± 1.0"
    assert mean_and_std(np.array([-0.0001]), 2) == "0.00"


def test_standard_error():
    values = np.array([[1.0, 5.0], [3.0, 5.0]])
    assert standard_error(values) == pytest.approx([1.0, 0.0])
    assert standard_error(values[:1]).tolist() == [0.0, 0.0]
