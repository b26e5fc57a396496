"""The smoke study end to end: every stage, every notebook, the book with warnings as errors; then re-runs."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from cardiosynth import ROOT
from cardiosynth.measuring.predictions import read_predictions
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow.notebooks import pages

pytestmark = pytest.mark.slow

RESULTS = ROOT / "results" / "smoke"
SMOKE = ROOT / "studies" / "smoke.yaml"
LAST = ("evaluate", "notebooks", "book", "all")


def run_study():
    command = [sys.executable, "-m", "cardiosynth", "study", str(SMOKE), "--cores", "2"]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture(scope="module")
def study():
    done = run_study()
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def test_it_ends_with_table_1_and_the_path_of_the_book(study):
    lines = study.stdout.strip().splitlines()
    assert any(line.lstrip().startswith("RSP") for line in lines)
    path = re.search(r"The book: (\S+)", lines[-1]).group(1)
    assert (ROOT / path).is_file()


def test_the_predictions_hold_every_experiment_seed_and_held_out_subject(study):
    predictions = read_predictions(RESULTS / "predictions.csv")
    held_out = predictions.groupby(["experiment", "dataset"]).subject.nunique().to_dict()
    reported, asked = {"RSO", "SSO", "RSA", "RSP"}, {"RSO-reduced-0", "RSO-zoom"}
    assert set(predictions.experiment) == reported | asked | {"RSP-half-random", "RSP-half-matched", "segmentation"}
    assert set(pd.read_csv(RESULTS / "questions.csv").experiment) == asked | {"RSO", "RSP"}
    settings = load_study(SMOKE).phantom
    for experiment in reported:
        for dataset in ("phantom-a", "phantom-b"):
            assert settings.test < held_out[experiment, dataset] <= settings.test + settings.validation
    assert not predictions.split.eq("train").any()


def test_the_best_training_of_the_generator_saw_no_held_out_subject(study):
    candidates = pd.read_csv(RESULTS / "synthetic" / "candidates.csv")
    split = pd.read_csv(RESULTS / "cohorts" / "phantom-a" / "subjects.csv").set_index("id")["split"]
    assert set(candidates.source_id.map(split)) <= {"train", "validation"}
    assert (candidates.source_id.map(split) == candidates.split).all()
    painted = pd.read_csv(RESULTS / "synthetic" / "images" / "subjects.csv")
    assert len(painted) == candidates.chosen.sum()
    assert np.load(RESULTS / "synthetic" / "images" / "images.npy", mmap_mode="r").std() > 10


def test_table_1_has_its_columns_and_every_number_its_patients(study):
    table = pd.read_csv(RESULTS / "table1.csv")
    assert {
        "experiment",
        "dataset",
        "split",
        "group",
        "quantity",
        "rmse",
        "rmse_sd",
        "rmse_low",
        "rmse_high",
        "mae",
        "mae_low",
        "mae_high",
        "pearson",
        "n",
        "seeds",
    } <= set(table)
    assert set(table[table.dataset == "synthetic"].experiment) == {"SSO"}
    whole = table[(table.group == "all") & (table.split == "test") & (table.dataset != "synthetic")]
    assert (whole.n == load_study(SMOKE).phantom.test).all() and np.isfinite(whole.rmse).all()


def test_provenance_times_every_stage_and_the_book_shows_every_notebook(study):
    provenance = json.loads((RESULTS / "provenance.json").read_text())
    assert {"commit", "study", "seed", "versions", "device", "wall_s", "peak_rss_mb"} <= set(provenance)
    assert all(stage["wall_s"] >= 0 and stage["peak_rss_mb"] > 50 for stage in provenance["stages"])
    html = RESULTS / "book" / "html" / "notebooks"
    for notebook in pages():
        assert (html / f"{notebook.stem}.html").is_file()


def test_the_book_reads_without_the_network(study):
    html = RESULTS / "book" / "html"
    loaded = re.compile(r"""<(?:script|link|img)[^>]+(?:src|href)=["'](https?:)?//(?!localhost)[^"']+["'][^>]*>""")
    for page in html.rglob("*.html"):
        foreign = [m.group(0) for m in loaded.finditer(page.read_text()) if 'rel="canonical"' not in m.group(0)]
        assert not foreign, f"{page.relative_to(html)}: {foreign[:2]}"


def test_no_page_shows_an_object_instead_of_words(study):
    for page in (RESULTS / "book" / "html").rglob("*.html"):
        assert not re.search(r"&lt;bound method|PosixPath|Traceback|&lt;cardiosynth", page.read_text()), page.name


def test_a_second_run_makes_nothing_again(study):
    before = {path: path.stat().st_mtime_ns for path in RESULTS.rglob("manifest.json")}
    again = run_study()
    assert again.returncode == 0 and "done:" not in again.stderr
    assert before == {path: path.stat().st_mtime_ns for path in RESULTS.rglob("manifest.json")}


@pytest.mark.parametrize(
    "section, change, rerun",
    [
        ("statistics", {"bootstrap_draws": 201}, {"evaluate"}),
        ("segmentation", {"epochs": 7}, {"segmentation", "reader"}),
        ("generator", {"steps": 91}, {"generator"}),
        ("realism", {"blind": 5}, {"judge"}),
        ("sfera", {"real_epochs": 7}, {"train_real"}),
    ],
)
def test_a_changed_parameter_reruns_what_depends_on_it_first(study, tmp_path, section, change, rerun):
    """A dry run of the same study with one value changed names that stage as changed, and no other."""
    values = yaml.safe_load(SMOKE.read_text())
    values[section] = values[section] | change
    changed = tmp_path / "smoke.yaml"
    changed.write_text(yaml.safe_dump(values))
    assert rules_with_other_params(ROOT, os.path.relpath(changed, ROOT)) == rerun


def rules_with_other_params(root, study) -> set[str]:
    """The rules that a dry run below ``root`` would run first, since their params are others."""
    return {name for name, reason in planned(root, study).items() if "Params have changed" in reason}


def planned(root, study) -> dict[str, str]:
    """The rules that a dry run below ``root`` would run again, and why."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        "workflow/Snakefile",
        "--cores",
        "2",
        "--nolock",
        "--dry-run",
        "--config",
        f"study={study}",
    ]
    dry = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert dry.returncode == 0, dry.stderr[-2000:]
    return dict(re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", dry.stdout + dry.stderr, flags=re.M))


@pytest.fixture(scope="module")
def checkout(study, tmp_path_factory):
    """This checkout with its results, its code a copy."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("cardiosynth", "workflow"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("studies", "notebooks", "book", "data", "results", ".snakemake"):
        (root / name).symlink_to(ROOT / name)
    shutil.copy2(ROOT / "_config.yml", root)
    return root


@pytest.mark.parametrize(
    "name, old, new, rerun",
    [
        ("masks/mending.py", "SPECK = 0.01", "SPECK = 0.02", {"masks", "paint", "judge", "train_synthetic", *LAST}),
        ("networks/sfera.py", "BLOCKS = 5", "BLOCKS = 4", {"train_real", "train_synthetic", *LAST}),
        ("figures/slider.js", "use strict", "use  strict", {"notebooks", "book", "all"}),
        ("masks/mending.py", "Mending of synthetic masks", "How synthetic masks are mended", set()),
    ],
)
def test_a_changed_line_of_code_reruns_what_it_concerns(checkout, name, old, new, rerun):
    file = checkout / "cardiosynth" / name
    before = file.read_text()
    assert old in before
    try:
        file.write_text(before.replace(old, new))
        assert set(planned(checkout, "studies/smoke.yaml")) == rerun
    finally:
        file.write_text(before)
