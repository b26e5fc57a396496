"""From results to a read book: collect the small files, stage the sources, compile."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from cardiosynth import ROOT
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import stages
from cardiosynth.study.files import whole, write_json
from cardiosynth.study.provenance import MANIFEST, stage, summarise
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.printed import keys_table, rooms_table

COLLECTED = (
    *(f"tables/{name}.csv" for name in ("predictions", "table1", "agreement", "tests", "crps", "calibration", "coverage", "forecasts")),
    *(f"tables/{name}.csv" for name in ("combined", "alarm", "roc", "clearing")),
    "inference/inference.csv",
    "fidelity/label_fidelity.csv",
    "generator/checkpoints.csv",
    *(f"realism/{name}" for name in ("image_quality.csv", "intensities.csv", "spectrum.csv", "nearest.csv", "blind.csv", "blind.png")),
)
OF_SOME = ("questions.csv", "reference.csv")  # tables that only some studies have


def collect(study: Study, results: Path) -> None:
    """provenance.json, the study file and the tables at the top of the results folder, where notebooks look."""
    with whole(results / "study.yaml") as partial:
        partial.write_text(yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    for name in OF_SOME:
        (results / name).unlink(missing_ok=True)
    there = [f"tables/{name}" for name in OF_SOME if (results / "tables" / name).is_file()]
    for name in [*COLLECTED, *there]:
        with whole(results / Path(name).name) as partial:
            shutil.copyfile(results / name, partial)
    manifests = [results / folder / MANIFEST for folder in stages(study)]
    summarise(study, sorted(manifests, key=lambda path: path.stat().st_mtime), results / "provenance.json")


def build_book(study: Study, results: Path) -> None:
    """book/html/: the pages of book/ and the executed notebooks, compiled with warnings as errors.

    The old book stays until the new one is complete. Raises InputError with the compiler's last lines.
    """
    with stage(results / "book", "book", {"study": study.name}, __name__) as folder:
        site, build = folder / "site", folder / "build"
        for stale in (site, build):
            shutil.rmtree(stale, ignore_errors=True)
        stage_sources(results, site)
        command = [
            sys.executable,
            str(Path(sys.executable).with_name("jupyter-book")),
            "build",
            str(site),
            "--config",
            str(ROOT / "_config.yml"),
            "--path-output",
            str(build),
            "-W",
            "-n",
            "--keep-going",
        ]
        compiled = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", env=os.environ | {"PYTHONWARNINGS": "ignore", "PYTHONUTF8": "1"}
        )
        said = compiled.stdout + compiled.stderr
        (folder / "build.log").write_text(said, encoding="utf-8")
        html = build / "_build" / "html"
        if compiled.returncode or not (html / "index.html").is_file():
            raise InputError(f"the book did not build: {_complaints(said) or 'no page written'}; see {folder / 'build.log'}")
        shutil.rmtree(folder / "html", ignore_errors=True)
        os.replace(html, folder / "html")
        shutil.rmtree(build)


def _complaints(said: str) -> str:
    """The compiler's first five complaints, and how many follow; without any, its last lines."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    found = [line for line in lines if "WARNING" in line or "ERROR" in line]
    return "; ".join(found[:5] or lines[-5:]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")


def stage_sources(results: Path, site: Path) -> None:
    """Lay out book/ and the executed notebooks as in the repository, so that links to sources hold."""
    shutil.copytree(ROOT / "book", site / "book")
    shutil.copyfile(ROOT / "book" / "_toc.yml", site / "_toc.yml")
    shutil.copytree(results / "notebooks", site / "notebooks", ignore=shutil.ignore_patterns(".*", "pages.json"))
    for page in (site / "notebooks").glob("*.ipynb"):
        write_json(page, as_shown(json.loads(page.read_text(encoding="utf-8"))))
    if (results / "figures").is_dir():
        shutil.copytree(results / "figures", site / "figures")
    shutil.copytree(ROOT / "data" / "paper", site / "data" / "paper")
    (site / "book" / "_rooms.md").write_text(rooms_table(), encoding="utf-8")
    (site / "book" / "_keys.md").write_text(keys_table(), encoding="utf-8")


def as_shown(notebook: dict) -> dict:
    """An executed notebook as the book shows it: code folded, and the parameters once, with the values that it was run with."""
    cells = notebook["cells"]
    given = [cell for cell in cells if "injected-parameters" in _tags(cell)]
    values = {name: value for cell in given for name, value in _assigned("".join(cell["source"]))}
    shown = []
    for cell in (cell for cell in cells if cell not in given):
        if "parameters" in _tags(cell):
            cell = cell | {"source": _with_values("".join(cell["source"]), values)}
        elif cell["cell_type"] == "code" and not _tags(cell) & {"remove-input", "remove-cell"}:
            cell = cell | {"metadata": cell["metadata"] | {"tags": sorted(_tags(cell) | {"hide-input"})}}
        shown.append(cell)
    return notebook | {"cells": shown}


def _tags(cell: dict) -> set[str]:
    return set(cell["metadata"].get("tags", []))


def _assigned(code: str) -> list[tuple[str, str]]:
    """(name, text of its value) of each assignment of a cell of parameters."""
    statements = [node for node in ast.parse(code).body if isinstance(node, ast.Assign)]
    return [(ast.unparse(node.targets[0]), ast.get_source_segment(code, node.value) or "") for node in statements]


def _with_values(code: str, values: dict[str, str]) -> str:
    """A cell of parameters, one a line, in which those named have other values; remarks stay."""
    for name, before in _assigned(code):
        code = code.replace(f"{name} = {before}", f"{name} = {values.get(name, before)}", 1)
    return code
