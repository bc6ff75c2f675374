import base64
import dataclasses
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import pytest

from experiments.output.page import Section, write_report
from experiments.output.record import make_record


@dataclasses.dataclass(frozen=True)
class Config:
    title: str = "<script>alert(1)</script>"


class Balanced(HTMLParser):
    """Checks that every element is closed, and collects what a reader sees."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def section():
    figure, axis = plt.subplots()
    axis.plot([0, 1], [0, 1])
    record = make_record("study", Config(), {"x": 1}, 2.0)
    yield Section(
        "A < B", "claim", "summary & more", figure, "a line", [["h", "1 & 2"], ["<b>", "3"]], record
    )
    plt.close(figure)


def test_page_holds_everything_and_escapes_it(section, tmp_path):
    path = write_report(tmp_path / "deep" / "report.html", "T", "I", [section, section])
    page = path.read_text(encoding="utf-8")
    parser = Balanced()
    parser.feed(page)
    assert not parser.open
    text = " ".join(parser.text)
    for shown in ("A < B", "summary & more", "1 & 2", "<b>", "title: <script>", "commit: "):
        assert shown in text
    assert "<script" not in page
    (encoded, _) = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)
    assert b"<svg" in base64.b64decode(encoded)


def test_a_note_is_shown_only_where_there_is_one(section, tmp_path):
    page = write_report(tmp_path / "a.html", "T", "I", [section]).read_text(encoding="utf-8")
    assert 'class="note"' not in page
    noted = section._replace(note="beware")
    page = write_report(tmp_path / "a.html", "T", "I", [noted]).read_text(encoding="utf-8")
    assert '<p class="note">beware</p>' in page
