"""The site builds without a warning, and documents every public name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sphinx.util.inventory import InventoryFile

import jrft
import jwi

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site, without the outputs of notebooks: their test runs them."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, ROOT / "docs", folder],
        env=os.environ | {"DOCS_EXECUTE": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def inventory(site):
    """The names that pages of the site may link to, by their kind."""
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    return inventory.data


def test_every_public_name_is_documented(inventory):
    documented = {name for kind in inventory if kind.startswith("py:") for name in inventory[kind]}
    public = {f"{package.__name__}.{name}" for package in (jwi, jrft) for name in package.__all__}
    assert len(public) > 150
    assert not public - documented


def test_every_entry_shows_its_documentation_and_source(site):
    page = (site / "api" / "jwi.walks.html").read_text("utf-8")
    entry = page.split('id="jwi.walk_index"')[1].split('id="jwi.')[0]
    assert 'href="../_modules/jwi/walks/' in entry
    for heading in ("Parameters", "Returns", "Raises", "Example", "Reference"):
        assert heading in entry
    assert "jaxlib" not in entry
    assert "_SupportsArray" not in page
    assert "ArrayLike" in page


def test_names_on_pages_are_links(site):
    text = (site / "papers.html").read_text("utf-8")
    assert 'href="api/jwi.separation.html#jwi.separation_rank"' in text
    assert 'href="api/jrft.bounds.html#jrft.theorem_bound"' in text


def test_nothing_is_loaded_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        assert 'src="http' not in text, page
        assert 'rel="stylesheet" href="http' not in text, page
