"""Results belong to the code that made them: which stages a change of code concerns, and that what they make then is new."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import torch

from cardiosynth import ROOT
from cardiosynth.networks.checkpoints import load_tensors
from cardiosynth.study.closure import closure, mark, notebook_mark
from cardiosynth.study.errors import InputError
from cardiosynth.workflow.stages import paint_masks
from tiny_trainings import RSP, SSO, study_with, trained_on  # noqa: F401 (a fixture)

STAGES = {path.stem for path in (ROOT / "cardiosynth" / "workflow" / "stages").glob("*.py")} - {"__init__", "predict_scans", "export_cohort"}
PAGES = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
OF_MASKS = {"choose_masks", "paint_outlines", "paint_masks", "paint_formulas", "paint_warped", "check_labels"}


@pytest.fixture()
def copy(tmp_path):
    shutil.copytree(ROOT / "cardiosynth", tmp_path / "cardiosynth", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def edit(root, name, old, new):
    file = root / "cardiosynth" / name
    text = file.read_text()
    assert text.count(old) == 1, f"{name} has changed; this test edits {old!r}"
    file.write_text(text.replace(old, new))


def changed(root) -> tuple[set[str], set[str]]:
    """Stages and pages whose mark in the copy is another than here."""
    stages = {stage for stage in STAGES if mark(f"cardiosynth.workflow.stages.{stage}", root) != mark(f"cardiosynth.workflow.stages.{stage}")}
    notebooks = {page: ROOT / "notebooks" / f"{page}.ipynb" for page in PAGES}
    return stages, {page for page, file in notebooks.items() if notebook_mark(file, root) != notebook_mark(file)}


@pytest.mark.slow
def test_a_copy_has_the_same_marks(copy):
    assert changed(copy) == (set(), set())


@pytest.mark.slow
def test_an_edit_of_the_mending_of_masks_concerns_the_stages_that_make_them(copy):
    edit(copy, "masks/mending.py", "SPECK = 0.01", "SPECK = 0.02")
    stages, pages = changed(copy)
    assert stages == OF_MASKS and not pages & {"04-scatter", "08-table-1", "10-inference-time"}


@pytest.mark.slow
def test_an_edit_of_sfera_concerns_what_trains_and_uses_it(copy):
    edit(copy, "networks/sfera.py", "return torch.relu(self.body(x) + self.shortcut(x))", "return torch.tanh(self.body(x) + self.shortcut(x))")
    stages, _ = changed(copy)
    assert stages == {"train_sfera", "time_inference", "make_model"}


@pytest.mark.slow
def test_an_edit_of_a_figure_concerns_its_pages_alone(copy):
    with (copy / "cardiosynth" / "figures" / "slider.js").open("a") as script:
        script.write("// more\n")
    stages, pages = changed(copy)
    assert not stages and pages and len(pages) < 4


@pytest.mark.slow
def test_words_change_nothing(copy):
    for name in ("networks/sfera.py", "masks/mending.py", "figures/style.py", "study/provenance.py"):
        file = copy / "cardiosynth" / name
        file.write_text(re.sub(r'"""', '"""In other words: ', file.read_text(), count=1) + "\n\n# a comment\n")
    assert changed(copy) == (set(), set())


def test_imports_are_found_wherever_they_stand(tmp_path):
    package = tmp_path / "cardiosynth"
    (package / "room").mkdir(parents=True)
    for name, text in {
        "__init__.py": "", "room/__init__.py": "from cardiosynth.first import x", "first.py": "import numpy\nx = 1", "other.py": "",
        "room/deep.py": "def f():\n    from cardiosynth import second\n", "second.py": "import cardiosynth.third", "third.py": "", "third.json": "{}",
    }.items():  # fmt: skip
        (package / name).write_text(text)
    found = closure(["cardiosynth.room.deep", "numpy"], tmp_path)
    assert {str(file.relative_to(package)) for file in found} == {
        "__init__.py", "room/__init__.py", "first.py", "room/deep.py", "second.py", "third.py", "third.json"}  # fmt: skip


def test_the_package_imports_in_ways_that_can_be_followed():
    for file in (ROOT / "cardiosynth").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        assert not any(isinstance(node, ast.ImportFrom) and (node.level or node.names[0].name == "*") for node in nodes), file
        # these run or describe what is imported elsewhere too
        assert file.name in ("__main__.py", "printed.py", "pool.py") or "import_module" not in file.read_text(), (
            file
        )  # which run or describe, and compute nothing


@pytest.mark.slow
def test_what_an_editor_leaves_beside_a_module_is_no_part_of_it(copy):
    networks = copy / "cardiosynth" / "networks"
    shutil.copy(networks / "sfera.py", networks / "sfera.py.orig")
    (networks / "sfera.old").mkdir()
    assert changed(copy) == (set(), set())


def test_code_that_is_no_python_is_named_with_its_line(copy):
    edit(copy, "networks/sfera.py", "BLOCKS = 5", "BLOCKS = = 5")
    with pytest.raises(InputError, match=r"sfera.py: not Python at line \d+"):
        mark("cardiosynth.workflow.stages.train_sfera", copy)
    (copy / "page.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": ["%matplotlib inline\n", "import numpy"]}]}))
    notebook_mark(copy / "page.ipynb", copy)
    (copy / "page.ipynb").write_text("{")
    with pytest.raises(InputError, match="page.ipynb: not a notebook"):
        notebook_mark(copy / "page.ipynb", copy)


@pytest.mark.slow
def test_painters_side_by_side_compute_in_one_thread_each():
    assert list(paint_masks._painted(threads, [0, 1, 2], 2)) == [1, 1, 1]


def threads(_) -> int:
    return torch.get_num_threads()


def weights(results, training):
    return load_tensors(results / "models" / training.path / "sfera.safetensors")[0]


def run_training(results, root, training=SSO, **environment):
    """``train`` as a command, with the package below ``root``."""
    code = "import sys; from cardiosynth.__main__ import main; sys.argv[0] = 'cardiosynth'; main()"
    command = [sys.executable, "-c", code, "train", str(results / "study.yaml"), training.path, "--results", str(results)]
    usual = {name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(command, cwd=root, env=usual | {"PYTHONPATH": str(root)} | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_training_again_with_other_code_gives_other_weights(trained_on, copy):
    study_with(trained_on)
    run_training(trained_on, copy)
    before = weights(trained_on, SSO)
    run_training(trained_on, copy)
    assert all(torch.equal(before[name], value) for name, value in weights(trained_on, SSO).items())
    edit(copy, "networks/sfera.py", "return torch.relu(self.body(x) + self.shortcut(x))", "return torch.tanh(self.body(x) + self.shortcut(x))")
    run_training(trained_on, copy)
    assert not torch.equal(before["blocks.0.body.0.weight"], weights(trained_on, SSO)["blocks.0.body.0.weight"])
    timing = json.loads((trained_on / "models" / SSO.path / "timing.json").read_text())
    assert timing["code"] == mark("cardiosynth.workflow.stages.train_sfera", copy) != mark("cardiosynth.workflow.stages.train_sfera")


@pytest.mark.slow
def test_a_training_has_the_same_bytes_whatever_the_threads_of_the_shell(trained_on):
    study_with(trained_on)
    made = []
    for threads in ("1", "2", "7"):
        shutil.rmtree(trained_on / "models", ignore_errors=True)
        run_training(trained_on, ROOT, OMP_NUM_THREADS=threads)
        run_training(trained_on, ROOT, RSP, OMP_NUM_THREADS=threads)
        made.append([(trained_on / "models" / t.path / "manifest.json").read_text() for t in (SSO, RSP)])
        timing = json.loads((trained_on / "models" / RSP.path / "timing.json").read_text())
        assert timing["threads"] == 1 and timing["startup_s"] > 0 and timing["commit"]
    assert made[0] == made[1] == made[2]
