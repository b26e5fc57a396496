"""The pages of the book in one pool: what a page is made from decides whether it is executed again."""

import json
import subprocess
import sys
import time

import nbformat
import psutil
import pytest

from cardiosynth import ROOT
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


def sleeper(folder):
    """A program that runs a page which waits, and the process of its kernel."""
    cells = [nbformat.v4.new_code_cell('results = "../results"', metadata={"tags": ["parameters"]}),
             nbformat.v4.new_code_cell("import os, time\nopen('pid', 'w').write(f'{os.getpid()}\\n')\ntime.sleep(90)")]  # fmt: skip
    for page in (folder / "notebooks").glob("*.ipynb"):
        page.unlink()
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), folder / "notebooks" / "01-waits.ipynb")
    program = (
        "import sys; from pathlib import Path; from cardiosynth.study.study_file import load_study\n"
        "from cardiosynth.workflow import notebooks, pages\n"
        "folder = Path(sys.argv[1]); notebooks.pages = lambda: [folder / 'notebooks' / '01-waits.ipynb']\n"
        "if __name__ == '__main__': pages.run_pages(load_study(folder / 'study.yaml'), folder / 'results', workers=1)\n"
    )
    study_with(folder)
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], stderr=subprocess.PIPE, encoding="utf-8", cwd=ROOT)
    pid = folder / "notebooks" / "pid"
    while not (pid.exists() and pid.read_text().endswith("\n")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    return process, psutil.Process(int(pid.read_text()))


@pytest.mark.parametrize("victim", ["run", "worker"])
def test_a_kernel_ends_with_those_that_started_it(folder, victim):
    process, kernel = sleeper(folder)
    started = psutil.Process(process.pid).children(recursive=True)
    server, worker = kernel.parents()[:2]
    (process if victim == "run" else worker).kill()
    assert process.wait() and not psutil.wait_procs([kernel, server, *started], timeout=10)[1]
    process.stderr.close()
    assert not list((folder / "results" / "notebooks").glob("[!.]*.ipynb"))


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


def test_a_page_whose_figure_is_not_its_own_any_more_runs_again(folder):
    figures = folder / "results" / "figures"
    figures.mkdir()
    page = folder / "notebooks" / "02-second.ipynb"
    draw = "open('../results/figures/02-a.png', 'w').write('drawn'); print('../figures/02-a.png',"
    page.write_text(page.read_text().replace("print(", draw))
    first = run(folder)
    assert pages.have_their_figures(folder / "results") and run(folder) == first
    for spoil in (lambda path: path.write_text("of another run"), lambda path: path.unlink()):
        spoil(figures / "02-a.png")
        assert not pages.have_their_figures(folder / "results")
        again = run(folder)
        assert again["01-first"] == first["01-first"] and again["02-second"] != first["02-second"]
        assert (figures / "02-a.png").read_text() == "drawn" and pages.have_their_figures(folder / "results")


def test_a_page_that_fails_is_named_with_its_error(folder):
    page = folder / "notebooks" / "02-second.ipynb"
    page.write_text(page.read_text().replace("print(", "1 / 0; print("))
    with pytest.raises(InputError, match="02-second.ipynb: cell .* failed with ZeroDivisionError"):
        run(folder)
    assert not (folder / "results" / "notebooks" / "pages.json").exists()
