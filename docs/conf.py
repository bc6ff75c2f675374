"""How Sphinx builds this site: `make docs`.

The pages of the API reference are written here, one a room, from the rooms' `__all__`: a new public
name appears on its room's page by itself.
"""

import importlib
import inspect
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jax.typing
import numpy.typing
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.typing import stringify_annotation

import jrft
import jwi

HERE = Path(__file__).parent

project = "jwi and jrft"
author = "The authors of jwi and jrft"
release = version = jwi.__version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]

html_theme = "sphinx_book_theme"
html_title = project
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}

# Tests of the site leave out the notebooks' outputs: they run the notebooks anyway.
nb_execution_mode = os.environ.get("DOCS_EXECUTE", "cache")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
myst_heading_anchors = 3

# Docstrings are Google's style. `name` in them is code, and a link where the site has such a name.
default_role = "py:obj"
napoleon_numpy_docstring = False
napoleon_attr_annotations = False
napoleon_use_ivar = True
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
viewcode_line_numbers = True


def rooms() -> dict[str, ModuleType]:
    """The rooms of both packages, by their names."""
    names = [f"{package.__name__}.{room}" for package in (jwi, jrft) for room in package._ROOMS]
    return {name: importlib.import_module(name) for name in names}


def page(name: str, room: ModuleType) -> str:
    """The page of a room: a table of its public names, then each with its documentation."""
    package = name.partition(".")[0]
    public = {f"{package}.{each}": getattr(room, each) for each in room.__all__}
    first_lines = {each: summary(room, each, value) for each, value in public.items()}
    rows = [f"   * - `{each}`\n     - {line}\n" for each, line in first_lines.items()]
    title = f"{name}\n{'=' * len(name)}\n\n{escaped(room.__doc__)}\n"
    table = ".. list-table::\n\n" + "".join(rows)
    entries = [entry(*each, first_lines[each[0]]) for each in public.items()]
    return "\n".join([title, table, *entries])


def summary(room: ModuleType, name: str, value: Any) -> str:
    """The first line of an object's documentation. A constant's stands below it in the source."""
    if isinstance(value, ModuleType | type) or callable(value):
        return escaped(inspect.getdoc(value).partition("\n")[0])
    for module in [each for each in sys.modules if each.startswith(room.__name__)]:
        comments = ModuleAnalyzer.for_module(module).find_attr_docs()
        if ("", name.rpartition(".")[2]) in comments:
            return escaped(" ".join(comments["", name.rpartition(".")[2]]).strip())
    raise ValueError(f"{name} has no documentation: write a string below it")


def entry(name: str, value: Any, summary: str) -> str:
    """The directive that documents one public name."""
    if isinstance(value, ModuleType):
        # A module of small functions is a public name: its functions are documented below it.
        members = [getattr(value, each) for each in vars(value) if is_its_own(value, each)]
        inner = "\n".join(entry(f"{name}.{each.__name__}", each, "") for each in members)
        return f".. py:module:: {name}\n\n{escaped(value.__doc__)}\n\n{inner}"
    if isinstance(value, type):
        return f".. autoclass:: {name}\n   :members:\n"
    if callable(value):
        return f".. autofunction:: {name}\n"
    return f".. py:data:: {name}\n\n   {summary}\n"


def is_its_own(module: ModuleType, name: str) -> bool:
    """Whether a public name of a module is defined there."""
    defined_in = getattr(getattr(module, name), "__module__", None)
    return not name.startswith("_") and defined_in == module.__name__


def escaped(text: str) -> str:
    """Docstrings use backticks alone as markup: |x| and *groups are text. Examples stay."""
    parts = re.split(r"(`[^`]*`|^ *>>> (?:.+\n?)+)", text, flags=re.M)
    parts[::2] = [re.sub(r"[|*]|(?<=\w)_\b", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def escape_docstring(app: Any, what: str, name: str, value: Any, options: Any, lines: list) -> None:
    """Escapes what Sphinx would read as markup."""
    lines[:] = escaped("\n".join(lines)).split("\n")


def shorten_signature(
    app: Any, what: str, name: str, value: Any, options: Any, signature: str, result: str
) -> tuple[str, str]:
    """Arrays are called as users call them: Sphinx spells out the unions behind `ArrayLike`."""

    def shortened(text: str) -> str:
        for union in (numpy.typing.ArrayLike, jax.typing.ArrayLike):
            text = text.replace(stringify_annotation(union, "smart"), "ArrayLike")
        return re.sub(r"\b(~?jax\.)?jaxlib\._jax\.|~(?=ArrayLike)", "", text)

    return tuple(text and shortened(text) for text in (signature, result))


def link_public_names(app: Any, document: str, source: list[str]) -> None:
    """Makes `jwi.name` on a page of Markdown a link to its entry. Code in fences stays."""
    if app.env.doc2path(document).suffix == ".md":
        parts = re.split(r"(^```.*?^```$)", source[0], flags=re.M | re.S)
        parts[::2] = [
            re.sub(r"(?<!\[)`(j(?:wi|rft)\.\w+)`", r"{py:obj}`\1`", part) for part in parts[::2]
        ]
        source[0] = "".join(parts)


def skip_fields(app: Any, what: str, name: str, value: Any, skip: bool, options: Any) -> bool:
    """Leaves out the fields of named tuples: their class lists them as its attributes."""
    return skip or type(value).__name__ == "_tuplegetter"


def setup(app: Any) -> None:
    """Writes the pages of the rooms, and removes the pages of rooms that are gone."""
    app.connect("source-read", link_public_names)
    app.connect("autodoc-process-signature", shorten_signature)
    app.connect("autodoc-skip-member", skip_fields)
    # Before Google's headings become markup.
    app.connect("autodoc-process-docstring", escape_docstring, priority=100)
    folder = HERE / "api"
    folder.mkdir(exist_ok=True)
    pages = {folder / f"{name}.rst": page(name, room) for name, room in rooms().items()}
    for path in set(folder.glob("j*.rst")) - set(pages):
        path.unlink()
    for path, text in pages.items():
        # An unchanged page is not read anew.
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
