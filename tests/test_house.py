"""The dependencies stand once; nothing drifts from them; no module outgrows its reader."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


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
def test_a_module_is_short_says_what_it_is_for_and_unpickles_nothing(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 250
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert not re.search(r"\bpickle\b|allow_pickle=True", text)
    assert all("weights_only=True" in line for line in text.splitlines() if re.search(r"\btorch\.load\(", line))
    undocumented = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
                    and not node.name.startswith("_") and not ast.get_docstring(node)]
    if "figures" not in path.parts:
        assert not undocumented, f"public but without a docstring: {undocumented}"


def test_the_street_is_one_way():
    """What only computes knows nothing of stages, notebooks or the book."""
    late = {"stages", "runner", "publish", "notebooks", "figures"}
    package = ROOT / "cardiosynth"
    early = [path for path in package.rglob("*.py") if not late & set(path.relative_to(package).with_suffix("").parts) and path.stem != "__main__"]
    assert len(early) > 50
    for path in early:
        imported = set(re.findall(r"from cardiosynth\.?(\w*)\S* import (\w+)", path.read_text()))
        assert not {part for pair in imported for part in pair} & late, path
