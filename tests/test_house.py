"""The dependencies stand once; nothing drifts from them; every room keeps its place."""

import ast
import re
import tomllib
from collections import Counter
from graphlib import CycleError, TopologicalSorter

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cardiosynth import ROOMS, ROOT


def pins():
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][^+@ ]*", line) for line in lines), "the lock holds name==version lines only, without +cpu"
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def test_the_lock_pins_every_dependency_within_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = pins()
    for text in project["dependencies"] + project["optional-dependencies"]["test"]:
        wanted = Requirement(text)
        assert canonicalize_name(wanted.name) in locked, f"{wanted.name} is not in requirements.lock; run 'make lock'"
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)]), f"requirements.lock and pyproject.toml disagree on {wanted.name}"


def test_the_conda_environment_points_to_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert {"pip": ["-r requirements.lock"]} in environment["dependencies"]
    assert all(isinstance(d, dict) or d.split("=")[0] in ("python", "pip") for d in environment["dependencies"])


@pytest.mark.parametrize("path", sorted((ROOT / "cardiosynth").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_unpickles_nothing(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert not re.search(r"\bpickle\b|allow_pickle=True", text)
    assert all("weights_only=True" in line for line in text.splitlines() if re.search(r"\btorch\.load\(", line))
    undocumented = [
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert not undocumented, f"public but without a docstring: {undocumented}"


def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name."""
    files = sorted((ROOT / "cardiosynth").rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def rooms_imported(tree: ast.Module) -> set[str]:
    """The rooms that a module imports from, wherever in it the statement stands."""
    return {name.split(".")[1] for name in own_imports(tree) if name.startswith("cardiosynth.")} & set(ROOMS)


def test_a_room_imports_only_from_its_left():
    for name, tree in modules().items():
        room = name.split(".")[1]
        if room in ROOMS:
            right = {other for other in rooms_imported(tree) if ROOMS.index(other) > ROOMS.index(room)}
            assert not right, f"{name} imports from {right}"


def test_every_folder_of_the_package_is_a_room():
    folders = {path.name for path in (ROOT / "cardiosynth").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(ROOMS)


def test_no_two_modules_and_no_two_classes_have_one_name():
    stems = Counter(name.rsplit(".", 1)[1] for name in modules() if not name.endswith("__init__"))
    assert not [name for name, count in stems.items() if count > 1]
    classes = Counter(node.name for tree in modules().values() for node in tree.body if isinstance(node, ast.ClassDef))
    assert not [name for name, count in classes.items() if count > 1]


def test_no_module_reaches_itself():
    closures = {name: own_imports(tree) for name, tree in modules().items() if not name.endswith("__init__")}
    try:
        TopologicalSorter({name: needed & set(closures) for name, needed in closures.items()}).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def own_imports(tree: ast.Module) -> set[str]:
    """Dotted names of the package that a module imports, wherever the statement stands."""
    pairs = [(node.module or "", alias.name) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    return {module for module, _ in pairs} | {f"{module}.{name}" for module, name in pairs}
