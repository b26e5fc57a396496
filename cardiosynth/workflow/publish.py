"""From results to a read book: collect the small files, stage the sources, compile."""

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from cardiosynth import ROOMS, ROOT
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import questions
from cardiosynth.study.files import whole
from cardiosynth.study.provenance import MANIFEST, stage, summarise
from cardiosynth.study.sections import Section
from cardiosynth.study.study_file import Study

COLLECTED = (
    *(f"tables/{name}.csv" for name in ("predictions", "table1", "agreement", "tests", "crps", "calibration", "coverage", "forecasts")),
    *(f"tables/{name}.csv" for name in ("combined", "alarm", "roc", "clearing")),
    "inference/inference.csv",
    "fidelity/label_fidelity.csv",
    "generator/checkpoints.csv",
    *(f"realism/{name}" for name in ("image_quality.csv", "intensities.csv", "spectrum.csv", "nearest.csv", "blind.csv", "blind.png")),
)


def collected(study: Study) -> list[str]:
    """The files that go to the top of the results folder: COLLECTED, and the tables that only some studies have."""
    asked = {"questions": bool(questions(study)), "reference": study.datasets.truth == "masks"}
    return [*COLLECTED, *(f"tables/{name}.csv" for name, there in asked.items() if there)]


def collect(study: Study, results: Path) -> None:
    """provenance.json, the study file and the tables at the top of the results folder, where notebooks look."""
    with whole(results / "study.yaml") as partial:
        partial.write_text(yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    for name in collected(study):
        with whole(results / Path(name).name) as partial:
            shutil.copyfile(results / name, partial)
    manifests = sorted(results.glob(f"**/{MANIFEST}"), key=lambda path: path.stat().st_mtime)
    summarise(study, [m for m in manifests if m.parent.name != "book"], results / "provenance.json")


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
    shutil.copytree(results / "notebooks", site / "notebooks", ignore=shutil.ignore_patterns(".*"))
    if (results / "figures").is_dir():
        shutil.copytree(results / "figures", site / "figures")
    shutil.copytree(ROOT / "data" / "paper", site / "data" / "paper")
    (site / "book" / "_rooms.md").write_text(rooms_table(), encoding="utf-8")
    (site / "book" / "_keys.md").write_text(keys_table(), encoding="utf-8")


def rooms_table() -> str:
    """The rooms of the package in their order and what each is for, as Markdown for the developer's page."""
    return _table(["room", "for"], [[f"`{room}`", import_module(f"cardiosynth.{room}").__doc__.splitlines()[0]] for room in ROOMS])


def keys_table() -> str:
    """All keys of a study file in their order, as Markdown for the page of ablations; those of its own before its sections."""
    sections = {name: field.annotation for name, field in Study.model_fields.items() if _is_section(field)}
    keys = [("", name, field) for name, field in Study.model_fields.items() if not _is_section(field)]
    keys += [(f"`{section}`", name, field) for section, model in sections.items() for name, field in model.model_fields.items()]
    rows = [[section, f"`{name}`", _kind(field.annotation), _default(field), field.description] for section, name, field in keys]
    return _table(["section", "key", "value", "default", "what it is"], rows)


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, Section)


def _kind(annotation) -> str:
    """What a key may hold, in words, from its type."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(inside[0])
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in inside)
    if origin in (Union, UnionType):
        return " or ".join(map(_kind, inside))
    if origin is list:
        return f"list of: {_kind(inside[0])}"
    if origin is tuple:
        return f"{len(inside)} numbers"
    return {bool: "true, false", int: "whole number", float: "number", str: "text", NoneType: "null"}[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none; must be given"
    return f"`{field.default if isinstance(field.default, str) else json.dumps(field.default)}`"


def _table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a pipe in a cell is escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
