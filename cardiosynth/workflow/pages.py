"""All pages of the book in one pool: the kernels of a worker are copies of one process that has loaded the libraries."""

import json
import os
from functools import partial
from pathlib import Path

from cardiosynth.study.closure import mark, notebook_mark
from cardiosynth.study.files import sha256, write_json
from cardiosynth.study.pool import run_in_order
from cardiosynth.study.provenance import announce
from cardiosynth.study.study_file import Study, fingerprint
from cardiosynth.workflow import kernels, notebooks


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
    record = {"made_from": fingerprint([given, notebook_mark(page), sha256(page), mark(notebooks.__name__)])}
    note = output.with_name(f".{name}.json")
    if output.is_file() and note.is_file() and json.loads(note.read_text(encoding="utf-8")) == record:
        return
    announce(f"notebook {name}")
    with kernels.preloaded():
        notebooks.run_notebook(page, output, {"results": os.path.relpath(results, page.parent)})
    write_json(note, record)
