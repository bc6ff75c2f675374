"""Numbers of README and of docs/claims.md are those of the committed result files."""

import re
from pathlib import Path

import numpy as np
import pytest

from experiments.output.record import read
from experiments.studies.jwi.rewiring import study as rewiring
from experiments.studies.jwi.sparsification_record import study as sparsification_record

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "experiments" / "results"
README = (ROOT / "README.md").read_text("utf-8")
CLAIMS = (ROOT / "docs" / "claims.md").read_text("utf-8")
METHODS = {
    "random": "random",
    "spectral": "spectral",
    "UGS": "ugs",
    "2-WIS": "two-walk-index",
    "1-WIS": "one-walk-index",
}


def accuracies(tag):
    """Shares of removed edges, and the accuracies float[seeds, shares] of each method, in %."""
    record = read(RESULTS / f"jwi_sparsification{tag}.json")
    shares = [round(100 * share) for share in record.config["removed"]]
    runs = record.results["test_accuracy"]
    return shares, {method: 100 * np.array(values, float) for method, values in runs.items()}


def shown(values):
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"


@pytest.mark.parametrize("tag", ["cora-gcn", "cora-gin", "cora-resgcn", "dblp-gcn"])
def test_a_table_of_sparsification_is_that_of_its_result_file(tag):
    shares, runs = accuracies(f"-{tag}")
    table = CLAIMS.split("## Sparsification in numbers")[1].split(f"-{tag}.svg")[1]
    header, _, *rows = re.search(r"(?:^\|.*\n)+", table, re.M).group().splitlines()
    names = header.strip("| ").split(" | ")[1:]
    assert len(rows) >= 3
    for row in rows:
        removed, *cells = row.strip("| ").split(" | ")
        at = shares.index(int(removed.removesuffix(" %")))
        for name, cell in zip(names, cells, strict=True):
            # The paper's number stands in brackets.
            assert cell.split(" (")[0] == shown(runs[METHODS[name]][:, at]), (removed, name)


def test_the_table_of_record_is_that_of_its_result_file():
    record = read(RESULTS / "jwi_sparsification_record.json")
    names, *rows = sparsification_record.table(record)
    text = CLAIMS.split("## Orders beside one another")[1]
    header, _, *shown_rows = (
        line.strip("| ").split(" | ")
        for line in re.search(r"(?:^\|.*\n)+", text, re.M).group().splitlines()
    )
    columns = [names.index(name) for name in header[1:]]
    expected = [[f"{row[0]}, {row[2]}", *(row[column] for column in columns)] for row in rows]
    assert len(shown_rows) > len(record.config["datasets"]) * len(record.config["removed"])
    assert shown_rows == expected[: len(shown_rows)]
    stars = [sum("*" in row[column] for row in rows) for column in range(3, len(names))]
    # The page shows every order that leads often, and random removal.
    often = {name for name, count in zip(names[3:], stars, strict=True) if count >= 3}
    assert set(header[1:]) == often | {"random"}


@pytest.mark.parametrize(("place", "tag"), [(0, ""), (1, "-squirrel")])
def test_the_table_of_rewiring_is_that_of_its_result_file(place, tag):
    expected = rewiring.table(read(RESULTS / f"jwi_rewiring{tag}.json"))
    text = re.split(r"^## ", CLAIMS.split("## Added edges beside rewiring")[1], flags=re.M)[0]
    header, _, *shown_rows = re.findall(r"(?:^\|.*\n)+", text, re.M)[place].splitlines()
    assert [[cell.strip() for cell in row.split("|")[1:-1]] for row in [header, *shown_rows]] == (
        expected
    )


@pytest.mark.parametrize("tag", ["chameleon-gcn", "squirrel-gcn", "computers-gcn"])
def test_a_row_of_a_denser_graph_is_that_of_its_result_file(tag):
    shares, runs = accuracies(f"-{tag}")
    (row,) = re.findall(rf"^\| .*-{tag}\.svg\)\) \| (.*) \|$", CLAIMS, re.M)
    random, kept = runs["random"], runs["one-walk-index"]
    at = shares.index(80)
    assert row.split(" | ") == [shown(random[:, 0]), shown(random[:, at]), shown(kept[:, at])]


def test_numbers_of_the_demo_are_those_of_its_result_file():
    shares, runs = accuracies("")
    table = CLAIMS.split("digits' graph removed")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\d+) % \| (.*?) \| (.*?) \|$", table, re.M)
    assert len(rows) == 4
    for removed, random, kept in rows:
        at = shares.index(int(removed))
        assert random == shown(runs["random"][:, at])
        assert kept == shown(runs["one-walk-index"][:, at])


def test_readme_says_where_walk_indices_cost_less_accuracy():
    low, high = map(int, re.search(r"from\s(\d+) to (\d+) % of Cora's edges", README).groups())
    shares, runs = accuracies("-cora-gcn")
    for method in ("one-walk-index", "two-walk-index"):
        ahead = runs[method].mean(axis=0) > runs["random"].mean(axis=0)
        assert all(ahead[[low <= share <= high for share in shares]])


def test_readme_says_how_many_gradients_are_bounded():
    cases = read(RESULTS / "jrft_bounds.json").results["cases"]
    (number,) = re.findall(r"None of ([\d ]+) gradients", README)
    assert int(number.replace(" ", "")) == len(cases["kind"])
    assert f"| {number} policies and prompts, 0 violations" in CLAIMS
    assert not any(cases["violated/theorem"] + cases["violated/certificate"])
