"""All pages of the book in one pool: the kernels of a worker are copies of one process that has loaded the libraries."""

import json
import os
import re
from functools import partial
from pathlib import Path

from cardiosynth.study.closure import mark, notebook_mark
from cardiosynth.study.files import sha256, write_json
from cardiosynth.study.pool import run_in_order
from cardiosynth.study.provenance import announce
from cardiosynth.study.study_file import Study, fingerprint
from cardiosynth.workflow import kernels, notebooks

FIGURES = re.compile(r"\.\./figures/([\w-]+\.(?:png|csv))")


def run_pages(study: Study, results: Path, workers: int) -> None:
    """notebooks/: every page executed that is not up to date. A page that the book has no more goes; pages.json lists the others."""
    folder = results / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    pages = {path.stem: path for path in notebooks.pages()}
    for stale in [path for path in folder.glob("*.ipynb") if path.stem not in pages]:
        stale.unlink()
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # as a kernel's own start would
    given = fingerprint([sha256(results / "provenance.json"), *(sha256(path) for path in notebooks.sources())])
    run_in_order({name: set() for name in pages}, partial(_run_page, results, pages, given), workers, preload=["papermill"])
    write_json(folder / "pages.json", {name: sha256(folder / f"{name}.ipynb") for name in pages})


def _run_page(results: Path, pages: dict[str, Path], given: str, name: str) -> None:
    """Execute a page, and note what it was made from beside it; nothing where that is the same."""
    page, output = pages[name], results / "notebooks" / f"{name}.ipynb"
    made_from = fingerprint([given, notebook_mark(page), sha256(page), mark(notebooks.__name__)])
    note = output.with_name(f".{name}.json")
    if output.is_file() and note.is_file() and json.loads(note.read_text(encoding="utf-8")) == _record(made_from, output):
        return
    announce(f"notebook {name}")
    with kernels.preloaded():
        notebooks.run_notebook(page, output, {"results": os.path.relpath(results, page.parent)})
    write_json(note, _record(made_from, output))


def have_their_figures(results: Path) -> bool:
    """Whether every page has the figures that it made: who runs a notebook by hand replaces them with others."""
    notes = {note: json.loads(note.read_text(encoding="utf-8")) for note in (results / "notebooks").glob(".*-*.json")}
    pages = {note: note.with_name(f"{note.stem[1:]}.ipynb") for note in notes}
    return all(pages[note].is_file() and record == _record(record.get("made_from"), pages[note]) for note, record in notes.items())


def _record(made_from: str, page: Path) -> dict:
    """What an executed page was made from, and the checksums of the figures and their data that it shows; "" for one that is gone."""
    names = sorted(set(FIGURES.findall(page.read_text(encoding="utf-8"))))
    paths = {name: page.parent.parent / "figures" / name for name in names}
    return {"made_from": made_from, "figures": {name: sha256(path) if path.is_file() else "" for name, path in paths.items()}}
