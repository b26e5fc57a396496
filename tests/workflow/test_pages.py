"""The pages of the book in one pool: what a page is made from decides whether it is executed again."""

import json

import nbformat
import pytest

from cardiosynth.study.errors import InputError
from cardiosynth.workflow import notebooks, pages
from tiny_trainings import study_with

pytestmark = pytest.mark.slow  # kernels start
METADATA = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two pages of the book, and results that they read."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "provenance.json").write_text("{}")
    for name in ("01-first", "02-second"):
        cells = [nbformat.v4.new_code_cell('results = "../results"', metadata={"tags": ["parameters"]}),
                 nbformat.v4.new_code_cell("import sys, time\nprint(results, 'pandas' in sys.modules, time.time_ns())")]  # fmt: skip
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), tmp_path / "notebooks" / f"{name}.ipynb")
    monkeypatch.setattr(notebooks, "pages", lambda: sorted((tmp_path / "notebooks").glob("*.ipynb")))
    return tmp_path


def run(folder):
    pages.run_pages(study_with(folder), folder / "results", workers=2)
    return {path.stem: said(path) for path in (folder / "results" / "notebooks").glob("*.ipynb")}


def said(path):
    return "".join(
        "".join(output["text"]) for cell in json.loads(path.read_text())["cells"] for output in cell.get("outputs", []) if "text" in output
    )


def test_pages_run_once_in_kernels_that_have_the_libraries_and_again_where_they_are_edited(folder):
    first = run(folder)
    assert set(first) == {"01-first", "02-second"}
    assert all(text.startswith("../results True ") for text in first.values())
    assert run(folder) == first
    page = folder / "notebooks" / "02-second.ipynb"
    page.write_text(page.read_text().replace("print(", "print('edited', "))
    second = run(folder)
    assert second["01-first"] == first["01-first"] and second["02-second"].startswith("edited")


def test_pages_run_again_for_other_results_and_those_that_the_book_has_no_more_go(folder):
    first = run(folder)
    (folder / "results" / "provenance.json").write_text('{"commit": "other"}')
    (folder / "notebooks" / "02-second.ipynb").unlink()
    second = run(folder)
    assert set(second) == {"01-first"} and second["01-first"] != first["01-first"]


def test_a_page_that_fails_is_named_with_its_error(folder):
    page = folder / "notebooks" / "02-second.ipynb"
    page.write_text(page.read_text().replace("print(", "1 / 0; print("))
    with pytest.raises(InputError, match="02-second.ipynb: cell .* failed with ZeroDivisionError"):
        run(folder)
    assert not (folder / "results" / "notebooks" / "pages.json").exists()
