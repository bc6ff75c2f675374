"""The page: escaped, offline, of bounded size, and alive in a real browser."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from jrft.diagnosis import diagnose
from jrft.diagnosis.report.export import as_dict
from jrft.diagnosis.report.html import MAX_POINTS, MAX_ROWS, html_report
from jrft.diagnosis.report.text import text_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
HOSTILE = "</script><script>document.title='pwned'</script><img src=x onerror=alert(1)> & \u2028"


def rewards(prompts=60, group=16, seed=0):
    rng = np.random.default_rng(seed)
    success = np.resize([0.0005, 0.5, 0.9995], prompts)
    return (rng.random((prompts, group)) < success[:, None]).astype(float)


@pytest.fixture(scope="module")
def diagnosis():
    ids = [HOSTILE, *(f"prompt {i}" for i in range(1, 30))] * 2
    steps = np.repeat([0, 10], 30)
    table = rewards()
    return diagnose(table, prompt_ids=ids, steps=steps, outcomes=table)


@pytest.fixture(scope="module")
def page(diagnosis):
    return html_report(diagnosis, source="run <1> & co")


def embedded(page):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


def test_what_comes_from_a_log_is_data_not_markup(page):
    assert page.count("<script") == 2
    assert "<img" not in page
    assert "\u2028" not in page
    data = embedded(page)
    assert HOSTILE in {row["id"] for row in data["rows"]}
    assert data["source"] == "run <1> & co"


def test_the_page_asks_for_nothing_from_elsewhere(page):
    assert "default-src 'none'" in page
    code = re.sub(r'id="data">.*?</script>', "", page, flags=re.S)
    code = code.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert not re.search(r"https?:|url\(|@import|\b(src|href)=", code)
    assert not re.search(r"\b(fetch|XMLHttpRequest|import|WebSocket)\b", code)


def test_rows_counts_and_histogram_agree_with_the_diagnosis(page, diagnosis):
    data = embedded(page)
    assert len(data["rows"]) == data["rowsTotal"] == 30
    for one in data["classes"]:
        assert diagnosis.batch.classes[one["name"]] == one["count"]
    assert np.sum(data["histogram"]["counts"]) == 30
    first = data["rows"][0]
    i = list(diagnosis.prompt_ids).index(first["id"])
    assert first["reason"] == diagnosis.reason(i)
    assert first["std"] == pytest.approx(diagnosis.posterior.std[i], rel=1e-6)
    assert data["curves"]["steps"] == [0, 10]
    # No estimate lies above the largest std there is at its mean.
    mean, std = (np.array(data["points"][name]) for name in ("mean", "std"))
    assert np.all(std <= np.sqrt(mean * (1 - mean)) + 0.01)


def test_large_logs_make_a_page_that_opens():
    many = diagnose(rewards(100_000, 4), steps=np.arange(100_000) % 1000)
    page = html_report(many)
    data = embedded(page)
    assert len(page) < 3_000_000
    assert len(data["points"]["mean"]) == MAX_POINTS
    assert len(data["rows"]) <= MAX_ROWS
    assert data["rowsTotal"] == 100_000
    assert np.sum(data["histogram"]["counts"]) == 100_000
    assert len(data["curves"]["steps"]) == 300
    shown = {row["cls"] for row in data["rows"]}
    assert shown == {i for i, one in enumerate(data["classes"]) if one["count"]}


def test_undefined_numbers_are_null(tmp_path):
    table = rewards()
    table[0] = np.nan
    diagnosis = diagnose(table)
    exported = as_dict(diagnosis)
    assert exported["prompts"]["mean"][0] is None
    json.dumps(exported, allow_nan=False)
    assert embedded(html_report(diagnosis))["rowsTotal"] == 60


def test_prompt_ids_of_any_kind_are_exported():
    ids = [("math", 3), 7, "x", b"y"]
    exported = as_dict(diagnose(np.eye(4), prompt_ids=ids))
    assert json.loads(json.dumps(exported))["prompts"]["id"] == [["math", 3], 7, "x", "b'y'"]


def test_text_report_fits_a_terminal(diagnosis):
    text = text_report(diagnosis)
    numbers = text.split("Some prompts")[0]
    assert max(map(len, numbers.splitlines())) <= 96
    narrow = text_report(diagnosis, width=60).split("Some prompts")[0]
    assert 50 < max(map(len, narrow.splitlines())) <= 60
    assert "\u2028" not in text


def test_undefined_numbers_are_dashes():
    text = text_report(diagnose(np.array([[1.0], [np.nan]]), reward_range=(0, 1)))
    assert "reward_std (mean of groups, ddof 1)           –" in text
    assert "nan" not in text
    assert "its only reward is 1" in diagnose(np.array([[1.0]]), reward_range=(0, 1)).reason(0)


def browse(path, address="", width=1200):
    """The page's document after its script has run in headless Chromium."""
    run = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={path.parent / 'profile'}",
            f"--window-size={width},900",
            "--virtual-time-budget=2000",
            "--enable-logging=stderr",
            "--dump-dom",
            f"file://{path}{address}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return run.stdout, run.stderr


needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def cells(document):
    """Texts of the table's rows."""
    body = re.search(r"<tbody>(.*?)</tbody>", document, re.S).group(1)
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.S)
    return [
        [
            html.unescape(re.sub(r"<[^>]+>", " ", cell)).strip()
            for cell in re.findall(r"<td.*?</td>", row, re.S)
        ]
        for row in rows
    ]


@needs_browser
def test_the_page_lives_in_a_browser(page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    document, errors = browse(path)
    assert 'data-ready="yes"' in document
    assert "Uncaught" not in errors
    assert "Refused" not in errors  # by the content security policy
    assert "<title>Which prompts give a gradient?</title>" in document
    rows = cells(document)
    assert len(rows) == 30
    assert any(row[0].startswith("</script><script>") for row in rows)
    assert document.count("<script") == 2
    assert "% of the prompts give no useful gradient" in document
    assert document.count("<rect") > 2
    assert document.count("<figure") == 4


@needs_browser
def test_the_table_filters_sorts_and_finds(page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    document, _ = browse(path, "#class=learnable&sort=mean&down=1")
    rows = cells(document)
    assert rows
    assert all("learnable" in row[1] for row in rows)
    means = [float(row[4]) for row in rows]
    assert means == sorted(means, reverse=True)
    assert "descending" in document
    document, _ = browse(path, "#find=prompt%2017")
    (row,) = cells(document)
    assert row[0].startswith("prompt 17")
    assert "1 of 30 prompts" in document


@needs_browser
def test_advice_links_to_its_prompts_and_names_open(tmp_path):
    rewards = np.repeat([[0.0] * 24, [0, 1] * 12], 20, axis=0)
    diagnosis = diagnose(rewards, prompt_ids=[f"…{i}" for i in range(40)])
    advice = {one.action: one.prompts.tolist() for one in diagnosis.advice}
    path = tmp_path / "report.html"
    texts = [f"system prompt {i}" for i in range(40)]
    path.write_text(html_report(diagnosis, prompts=texts), encoding="utf-8")
    document, errors = browse(path, "#advice=SFT%20first")
    assert "Uncaught" not in errors
    shown = [int(re.search(r"…(\d+)", row[0]).group(1)) for row in cells(document)]
    assert sorted(shown) == sorted(advice["SFT first"])
    assert "For “SFT first”: 20 of 40 prompts" in document
    assert f"Show these prompts ({len(shown)})" in document
    assert all(f"system prompt {i}" in document for i in shown)


@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_on_phones_and_laptops(width, page, tmp_path):
    # A frame, as a window of Chromium is at least 500 wide.
    measure = """<script>
        const wide = (node) => node.scrollWidth - node.clientWidth;
        const first = document.querySelector("tbody td.class").getBoundingClientRect();
        const id = document.querySelector("tbody td").getBoundingClientRect();
        parent.postMessage([wide(document.documentElement), wide(document.querySelector(".scroll")),
            innerWidth, first.top < id.top].join(" "), "*");
    </script>"""
    (tmp_path / "report.html").write_text(page + measure, encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(
        "<script>addEventListener('message', (event) => { document.title = event.data; })</script>"
        f"<iframe src='report.html' width={width} height=900 frameborder=0></iframe>"
    )
    document, _ = browse(frame, width=1400)
    measured = re.search("<title>(.*?)</title>", document).group(1)
    assert measured == f"0 0 {width} {str(width == 390).lower()}"  # the class first on phones
