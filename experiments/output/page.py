"""One self-contained HTML page from records: figures, tables and summaries."""

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from experiments.output.record import Record
from jwi.io.files import written

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
 body {{ font: 16px/1.55 system-ui, sans-serif; max-width: 62rem; margin: 2.5rem auto;
   padding: 0 1.2rem; color: #1d1d1f; background: #fff; }}
 h1 {{ font-size: 1.9rem; line-height: 1.2; }}
 h2 {{ margin-top: 3rem; line-height: 1.25; }}
 .claim {{ color: #555; }}
 .note {{ border-left: 4px solid #d55e00; padding: .3rem .9rem; background: #fff4ec; }}
 img {{ width: 100%; height: auto; }}
 table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
 th, td {{ padding: .3rem .9rem; text-align: right; border-bottom: 1px solid #ddd; }}
 th:first-child, td:first-child {{ text-align: left; }}
 .scroll {{ overflow-x: auto; }}
 details {{ margin-top: 1rem; color: #555; }}
 pre {{ overflow-x: auto; background: #f6f6f6; padding: .8rem; font-size: .85rem; }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


class Section(NamedTuple):
    """One experiment on the page.

    Attributes:
        title: The finding, as a heading.
        claim: The paper's claim.
        summary: Two sentences about the figure.
        figure: The figure.
        alt: A description of the figure for readers who cannot see it.
        table: Rows of cells; the first row is the heading.
        record: The source of the numbers.
        note: A warning to the reader; empty for none.
    """

    title: str
    claim: str
    summary: str
    figure: Figure
    alt: str
    table: Sequence[Sequence[str]]
    record: Record
    note: str = ""


def write_report(path: Path, title: str, introduction: str, sections: Sequence[Section]) -> Path:
    """Writes the page atomically; it needs no other file and no network."""
    parts = [f"<p>{html.escape(introduction)}</p>", *map(_section, sections)]
    page = _PAGE.format(title=html.escape(title), body="\n".join(parts))
    path.parent.mkdir(parents=True, exist_ok=True)
    with written(path) as file:
        file.write(page.encode())
    return path


def _section(section: Section) -> str:
    record, escape = section.record, html.escape
    settings = "\n".join(f"{key}: {value}" for key, value in record.config.items())
    provenance = "\n".join(f"{key}: {value}" for key, value in record.provenance.items())
    note = f'<p class="note">{escape(section.note)}</p>' if section.note else ""
    return f"""<section>
<h2>{escape(section.title)}</h2>
<p class="claim">{escape(section.claim)}</p>
{note}
<p>{escape(section.summary)}</p>
<img alt="{escape(section.alt)}" src="data:image/svg+xml;base64,{_svg(section.figure)}">
{_table(section.table)}
<details><summary>Configuration, versions, seconds</summary>
<pre>{escape(settings)}

{escape(provenance)}</pre></details>
</section>"""


def _svg(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return base64.b64encode(buffer.getvalue()).decode()


def _table(rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

    head, *body = rows
    lines = [line(head, "th"), *(line(cells, "td") for cells in body)]
    return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"
