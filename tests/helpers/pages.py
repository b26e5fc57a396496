"""A notebook of the book run in this process: its code cells one after another, without a kernel."""

import ast
import json
import os
from pathlib import Path

from cardiosynth import ROOT


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
