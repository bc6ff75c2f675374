"""Examples of the tasks from rows of the Hugging Face hub; no file is read here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Row = Mapping[str, Any]

CONTEXT_TURNS = 5
"""Of DailyDialog, before the turn to write."""


class Example(NamedTuple):
    """One input.

    Attributes:
        prompt: The text that the model continues.
        references: Texts that a reward compares with; none where it needs none.
    """

    prompt: str
    references: tuple[str, ...] = ()


def narrative_qa(rows: Iterable[Row]) -> list[Example]:
    """A question on a summary, and its answers."""
    return [
        Example(
            f"question: {row['question']['text']} context: {row['document']['summary']['text']}",
            tuple(answer["text"] for answer in row["answers"]),
        )
        for row in rows
    ]


def totto(rows: Iterable[Row]) -> list[Example]:
    """A table's highlighted cells with their headers, and sentences about them."""
    found = []
    for row in rows:
        sentences = row["sentence_annotations"]
        # On the hub a dictionary of lists, in the official files a list of dictionaries.
        texts = (
            sentences["final_sentence"]
            if isinstance(sentences, Mapping)
            else [each["final_sentence"] for each in sentences]
        )
        found.append(Example(linearized(row), tuple(texts)))
    return found


def common_gen(rows: Iterable[Row]) -> list[Example]:
    """Concepts, and all sentences of the same concepts."""
    sentences: dict[str, list[str]] = {}
    for row in rows:
        sentences.setdefault(" ".join(row["concepts"]), []).append(row["target"])
    prompt = "generate a sentence with: "
    return [Example(prompt + concepts, tuple(texts)) for concepts, texts in sentences.items()]


def translation(rows: Iterable[Row]) -> list[Example]:
    """An English sentence, and its German translation."""
    prompt = "translate English to German: "
    return [Example(prompt + row["translation"]["en"], (row["translation"]["de"],)) for row in rows]


def summarization(rows: Iterable[Row]) -> list[Example]:
    """An article, and its highlights."""
    return [Example("Summarize: " + row["article"], (row["highlights"],)) for row in rows]


def dialogues(rows: Iterable[Row]) -> list[Example]:
    """Turns of a dialogue, and the next turn; every turn after the first is one to write."""
    found = []
    for row in rows:
        turns = [" ".join(turn.split()) for turn in row["dialog"]]
        for i in range(1, len(turns)):
            context = turns[max(0, i - CONTEXT_TURNS) : i]
            found.append(Example("\n".join(context) + "\n", (turns[i],)))
    return found


def reviews(rows: Iterable[Row]) -> list[Example]:
    """A review, of which the task's limit of tokens keeps the beginning."""
    return [Example(" ".join(row["text"].replace("<br />", " ").split())) for row in rows]


def linearized(row: Row) -> str:
    """A ToTTo table as text: titles, then each highlighted cell with the headers of its column."""
    cells = []
    for line, column in row["highlighted_cells"]:
        cell = row["table"][line][column]
        place = _places(row["table"][line])[column]
        headers = [
            above["value"]
            for earlier in row["table"][:line]
            for above, start in zip(earlier, _places(earlier), strict=True)
            if above["is_header"] and start <= place < start + above["column_span"]
        ]
        named = "".join(f" <col_header> {header} </col_header>" for header in headers)
        cells.append(f"<cell> {cell['value']}{named} </cell>")
    return (
        f"<page_title> {row['table_page_title']} </page_title> <section_title> "
        f"{row['table_section_title']} </section_title> <table> {' '.join(cells)} </table>"
    )


def _places(line: Sequence[Row]) -> list[int]:
    """The column where each cell of a line starts, by the spans of those before it."""
    places, at = [], 0
    for cell in line:
        places.append(at)
        at += cell["column_span"]
    return places
