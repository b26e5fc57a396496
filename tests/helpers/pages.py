"""A notebook of the book run in this process: its code cells one after another, without a kernel."""

import ast
import json
import os
from pathlib import Path

import matplotlib

from cardiosynth import ROOT
from cardiosynth.figures.formatting import Table
from cardiosynth.figures.style import Picture


def run_page(name: str, **parameters) -> dict:
    """The names that a page defines, and under ``shown`` all that its cells show, in order.

    name: of the notebook, without its ending. parameters: in place of those in its cell tagged ``parameters``; paths absolute.
    """
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    shown: list = []
    names = {"display": lambda *objects: shown.extend(objects), "__name__": "page"}
    before = Path.cwd()
    os.chdir(ROOT / "notebooks")
    try:
        with matplotlib.rc_context():  # a page sets matplotlib's settings; they are put back
            for cell in cells:
                if cell["cell_type"] == "code":
                    _run("".join(cell["source"]), names, shown)
                    if "parameters" in cell["metadata"].get("tags", []):
                        names |= parameters
    finally:
        os.chdir(before)
    return names | {"shown": shown}


def _run(code: str, names: dict, shown: list) -> None:
    """A cell as a notebook runs it: the value of a last expression is shown."""
    *statements, last = ast.parse(code).body or [ast.Pass()]
    exec(compile(ast.Module(statements, []), "cell", "exec"), names)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        if value is not None:
            shown.append(value)
    else:
        exec(compile(ast.Module([last], []), "cell", "exec"), names)


def write_provenance(folder, study: str = "tiny") -> None:
    """provenance.json of a made-up study, which the foot of every page tells; folder: of its results."""
    record = {
        "study": study, "title": "made up", "seed": 1, "seeds": [1, 2], "wall_s": 1, "device": "cpu", "machine": "a machine", "peak_rss_mb": 1,
        "commit": "unknown", "data_sha256": {"prepare a": {"images.npy": "0123456789abcdef"}},
        "versions": {"python": "3", "torch": "2", "numpy": "2"}, "stages": [{"stage": "prepare a", "wall_s": 1.0, "peak_rss_mb": 1.0}],
    }  # fmt: skip
    (Path(folder) / "provenance.json").write_text(json.dumps(record))


def shown_tables(page: dict) -> list:
    """The tables that a page shows, in order; page: as ``run_page`` gives it."""
    return [item for item in page["shown"] if isinstance(item, Table)]


def shown_pictures(page: dict) -> dict:
    """The figures that a page shows, by the name of their file; page: as ``run_page`` gives it."""
    return {item.path.stem: item for item in page["shown"] if isinstance(item, Picture)}
