"""Which code a result depends on: a module and all that it imports of this package, and a mark that changes when they do."""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from cardiosynth import ROOT
from cardiosynth.study.errors import InputError

PACKAGE = "cardiosynth"
KINDS = (".py", ".json", ".js")  # a file of data belongs to the module of its name (extent.json to extent.py)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def mark(module: str, root: Path = ROOT) -> str:
    """Twelve hexadecimal digits that change when a module, or any of the package that it imports, would do another thing.

    module: dotted, as ``__name__`` gives it. Comments, docstrings and the layout of lines do not count.
    """
    return _digits(closure([module], root))


def notebook_mark(notebook: Path, root: Path = ROOT) -> str:
    """The same of all that the code cells of a notebook import. What they say themselves stands in the notebook."""
    try:
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError) as error:
        raise InputError(f"{notebook}: not a notebook ({error!r}); restore the file") from error
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in "".join(cell["source"]).splitlines()]
    code = "\n".join(line for line in lines if not line.startswith(("%", "!")))  # what the kernel reads and Python does not
    return _digits(closure(_names(_parsed(code, notebook)), root))


def closure(modules: Iterable[str], root: Path = ROOT) -> list[Path]:
    """The files of these modules of the package and of all that they import, sorted. Other names are passed over.

    A file of data is part of the module of its name (``extent.json`` of ``extent.py``).
    """
    pending, seen = set(modules), set[Path]()
    while pending:
        for file in _files(pending.pop(), root) - seen:
            seen.add(file)
            pending |= _imports(file)
    return sorted({beside for file in seen for beside in map(file.with_suffix, KINDS) if beside.is_file()})


@cache
def _imports(file: Path) -> frozenset[str]:
    return frozenset(_names(_parsed(file.read_text(encoding="utf-8"), file)))


def _parsed(code: str, file: Path) -> ast.AST:
    try:
        return ast.parse(code)
    except SyntaxError as error:
        raise InputError(f"{file}: not Python at line {error.lineno} of its code ({error.msg}); mend it first") from error


def _names(tree: ast.AST) -> Iterator[str]:
    """What import statements name, wherever they stand; a name taken from a module may be a module too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str, root: Path) -> set[Path]:
    """The file of a module of the package, and those of the packages that it lies in; nothing for any other name."""
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return set()
    places = [root.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    return {file for place in places for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()}


def _digits(files: list[Path]) -> str:
    contents = "".join(f"{file.parent.name}/{file.name} {_content(file)}\n" for file in files)
    return hashlib.sha256(contents.encode()).hexdigest()[:12]


@cache
def _content(file: Path) -> str:
    if file.suffix != ".py":
        return hashlib.sha256(file.read_bytes()).hexdigest()
    tree = _parsed(file.read_text(encoding="utf-8"), file)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()
