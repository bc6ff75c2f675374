"""`diagnose_frame` gives on every engine what `diagnose` gives in memory."""

import re
from pathlib import Path

import numpy as np
import pytest

from jrft.diagnosis import diagnose, diagnose_frame

pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("narwhals")


def in_pyarrow(columns):
    return pyarrow.table(columns)


def in_pandas(columns):
    return pytest.importorskip("pandas").DataFrame(columns)


def in_polars(columns):
    return pytest.importorskip("polars").DataFrame(columns).lazy()


def in_duckdb(columns):
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    return connection.from_arrow(pyarrow.table(columns))


def in_dask(columns):
    dask = pytest.importorskip("dask.dataframe")
    pandas = pytest.importorskip("pandas")
    return dask.from_pandas(pandas.DataFrame(columns), npartitions=3)


def in_pyspark(columns):
    sql = pytest.importorskip("pyspark.sql")
    pandas = pytest.importorskip("pandas")
    session = sql.SparkSession.builder.master("local[1]").getOrCreate()
    return session.createDataFrame(pandas.DataFrame(columns))


ENGINES = [in_pyarrow, in_pandas, in_polars, in_duckdb, in_dask, in_pyspark]


def completions(levels):
    """640 completions of 20 prompts over 4 steps, some without a score, in random order."""
    rng = np.random.default_rng(0)
    prompts, steps = np.repeat(np.arange(20), 32), np.tile(np.repeat(np.arange(4), 8), 20)
    solved = rng.random(640) < (prompts / 19) ** 2
    shaped = rng.integers(0, levels, 640) / (4 * levels)
    reward = np.where(rng.random(640) < 0.05, np.nan, np.where(solved, 1.0, shaped))
    order = rng.permutation(640)
    return {
        "id": np.array([f"prompt {one:02}" for one in prompts])[order],
        "at": steps[order],
        "score": reward[order],
        "right": solved[order].astype(float),
    }


def assert_same(found, expected):
    """The same diagnosis, up to rounding, whatever the order of the prompts."""
    place = [found.prompt_ids.index(one) for one in expected.prompt_ids]
    assert np.array_equal(found.labels[place], expected.labels)
    for mine, theirs in [
        (found.posterior, expected.posterior),
        (found.evidence.outcome, expected.evidence.outcome),
        (found.observed, expected.observed),
    ]:
        for name, values in vars(theirs).items() if theirs is not None else []:
            np.testing.assert_allclose(getattr(mine, name)[place], values, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.evidence.weight[place], expected.evidence.weight)
    mine, theirs = vars(found.batch), vars(expected.batch)
    for name in theirs.keys() - {"classes", "component_shares"}:
        assert mine[name] == pytest.approx(theirs[name], nan_ok=True), name
    assert found.notes == expected.notes
    if expected.over_time is not None:
        assert found.over_time.discount == expected.over_time.discount
        assert np.array_equal(found.over_time.changes[place], expected.over_time.changes)
        for name, curve in expected.over_time.curves.items():
            np.testing.assert_allclose(found.over_time.curves[name], curve, rtol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("levels", [1, 4, 10**6])
def test_every_engine_gives_the_diagnosis_in_memory(engine, levels):
    columns = completions(levels)
    found = diagnose_frame(engine(columns), prompt="id", reward="score", step="at", outcome="right")
    expected = diagnose(
        columns["score"],
        prompt_ids=columns["id"],
        steps=columns["at"],
        outcomes=columns["right"],
    )
    assert_same(found, expected)


def test_outliers_are_counted_as_often_as_they_occur():
    rewards = np.r_[np.tile([0.0, 1.0, 1.0], 200), [-1000.0] * 5]
    ids = np.arange(605) % 5
    found = diagnose_frame(
        pyarrow.table({"id": ids, "score": rewards}), prompt="id", reward="score"
    )
    assert found.reward_range == (0, 1)
    assert found.notes == diagnose(rewards, prompt_ids=ids).notes
    assert found.notes[0].startswith("5 of 605 rewards")


def test_several_columns_may_name_a_prompt():
    rows = pyarrow.table({"task": ["a", "a", "b"], "number": [1, 1, 1], "score": [0.0, 1.0, 1.0]})
    found = diagnose_frame(rows, prompt=["task", "number"], reward="score")
    assert found.prompt_ids == [("a", 1), ("b", 1)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": "name"}, "there is no column 'name': the frame has id, at, score, right"),
        ({"reward": "id"}, "column 'id' holds .*, not numbers: cast it"),
        ({"reward": "right", "step": "score"}, "steps must be whole numbers"),
    ],
)
def test_mistakes_have_messages(changes, message):
    arguments = {"prompt": "at", "reward": "score"} | changes
    with pytest.raises(ValueError, match=message):
        diagnose_frame(pyarrow.table(completions(1)), **arguments)


def test_a_prompt_must_have_a_name():
    rows = pyarrow.table({"id": ["a", None], "score": [0.0, 1.0]})
    with pytest.raises(ValueError, match="column 'id' is null in some rows: drop these rows"):
        diagnose_frame(rows, prompt="id", reward="score")


@pytest.mark.parametrize("engine", [in_pyarrow, in_duckdb])
def test_chats_are_no_names_of_prompts(engine):
    rows = {"chat": [[{"role": "user", "content": "a"}]], "score": [1.0]}
    with pytest.raises(ValueError, match=r"column 'chat' holds List.*: pass a column of texts"):
        diagnose_frame(engine(rows), prompt="chat", reward="score")


def test_an_infinite_reward_is_refused():
    rows = pyarrow.table({"id": ["a", "a"], "score": [0.0, np.inf]})
    with pytest.raises(ValueError, match="rewards holds 1 infinite values"):
        diagnose_frame(rows, prompt="id", reward="score")


def test_the_guide_diagnoses_a_table_of_duckdb():
    pytest.importorskip("duckdb")
    page = (Path(__file__).parents[3] / "docs" / "diagnose.md").read_text("utf-8")
    (code,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", page, re.S)
        if "diagnose_frame" in block
    ]
    names = {}
    exec(compile(code, "docs/diagnose.md", "exec"), names)
    assert names["diagnosis"].batch.num_rewards == 2
