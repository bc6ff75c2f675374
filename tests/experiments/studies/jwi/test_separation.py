from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import experiments
import jwi
from experiments.output.record import make_record, read
from experiments.studies.jwi import separation as study
from jwi.separation import separation_bounds


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


def test_cases_are_as_configured():
    config = replace(study.SMOKE, num_cases=24, widths=((2, 2), (3, 2)), largest_log_upper=12.0)
    cases = study.cases(config)
    assert [case.depth for case in cases] == [1, 2, 3] * 8
    assert [case.target is None for case in cases] == ([True] * 3 + [False] * 3) * 4
    assert [case.input_width for case in cases] == ([2] * 6 + [3] * 6) * 2
    assert [case.directed for case in cases] == [False] * 12 + [True] * 12
    for case in cases:
        assert 0 < case.subset.sum() < 4
        assert separation_bounds(**study._arguments(case)).log_upper <= 12.0
        both_ways = {(v, u) for u, v in kept(case)} == kept(case)
        assert both_ways or case.directed
    # Nothing but the seed decides.
    again, other = (study.cases(replace(config, seed=seed)) for seed in (0, 1))
    assert [kept(case) for case in again] == [kept(case) for case in cases]
    assert [kept(case) for case in other] != [kept(case) for case in cases]


def kept(case):
    return {(int(u), int(v)) for u, v in jwi.edge_list(case.graph)[jwi.edge_mask(case.graph)]}


def test_smoke_run(results):
    columns = results["cases"]
    assert {len(column) for column in columns.values()} == {study.SMOKE.num_cases}
    assert all(columns["within_bounds"])
    # The rows are the cases' own.
    for i, case in enumerate(study.cases(study.SMOKE)):
        bounds = separation_bounds(**study._arguments(case))
        assert columns["walk_index"][i] == bounds.walk_index
        assert columns["num_edges"][i] == len(kept(case)) // (1 if case.directed else 2)
        assert columns["subset"][i] == "".join("1" if inside else "0" for inside in case.subset)
        np.testing.assert_allclose(columns["log_rank"][i], np.log(columns["rank"][i]))


def test_what_people_see(results):
    record = make_record("jwi_separation", study.SMOKE, results, 1.0)
    rows = study.table(record)
    assert len(rows) == 1 + 2 * 3 * 2
    assert sum(int(row[1]) for row in rows[1:]) == study.SMOKE.num_cases
    assert study.summary(record).startswith("0 of 12 exact separation ranks violate a bound;")
    figure = study.figure(record)
    assert [axis.get_title() for axis in figure.axes] == list(study.TITLES.values())


def test_violations_and_attained_bounds_are_counted():
    config = replace(study.SMOKE, depths=(2,))
    columns = {
        "depth": [2] * 5,
        "directed": [False, False, True, False, False],
        "target": [None, None, None, 0, 0],
        "walk_index": [1, 5, 7, 2, 3],
        "rank": [3, 8, 9, 1, 2],
        "log_rank": np.log([3, 8, 9, 1, 2]),
        "log_lower": np.zeros(5),
        "log_multiset": np.log([3, 8, 8, 1, 1]),
        "log_upper": np.log([9, 9, 9, 9, 9]),
        "within_bounds": [True, True, False, True, True],
    }
    record = make_record("x", config, {"cases": columns}, 1.0)
    assert study.table(record)[1:] == [
        ["graph, 2, undirected", "2", "5", "8", "2", "0"],
        ["graph, 2, directed", "1", "7", "9", "0", "1"],
        ["vertex, 2, undirected", "2", "3", "2", "1", "0"],
    ]
    shown = study.summary(record)
    assert shown.startswith("1 of 5 exact separation ranks violate a bound; 3 are equal")
    assert "1.00 for predictions over the graph and 1.00 for those of a vertex" in shown


def test_committed_results_have_no_violation():
    results = Path(experiments.__file__).parent / "results"
    cases = read(results / "jwi_separation.json").results["cases"]
    rank, upper, *lower = (
        np.array(cases[name]) for name in ("rank", "log_upper", "log_lower", "log_multiset")
    )
    assert len(rank) >= 200
    np.testing.assert_array_less(np.max(lower, axis=0), np.log(rank) + 1e-6)
    np.testing.assert_array_less(np.log(rank), upper + 1e-6)
    assert (results / "jwi_separation.svg").exists()
