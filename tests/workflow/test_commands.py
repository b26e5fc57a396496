"""Bad input from the command line: one sentence, a non-zero exit, nothing half-written."""

import shutil
import subprocess
import sys

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml

from acdc_files import write_patient
from cardiosynth import ROOT
from cardiosynth.data.cohort import Cohort
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import stages
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow import notebooks, runner

pytestmark = pytest.mark.slow


def cardiosynth(*words):
    return subprocess.run([sys.executable, "-m", "cardiosynth", *map(str, words)], capture_output=True, text=True, cwd=ROOT)


def test_help_lists_the_stages():
    shown = cardiosynth("--help").stdout
    for command in ("study", "ingest", "prepare", "masks", "segmentation", "generator", "paint", "train", "evaluate", "notebook", "book"):
        assert command in shown


@pytest.mark.parametrize(
    "words, message",
    [
        (["study", "studies/nowhere.yaml"], "cardiosynth: studies/nowhere.yaml: no such study file"),
        (["study", "studies/acdc.yaml"], "cardiosynth: acdc: no data folder given"),
        (["study", "studies/acdc.yaml", "--data", "/nowhere"], "cardiosynth: /nowhere: no such folder"),
        (["ingest", "acdc", "/nowhere", "--out", "unwritten"], "cardiosynth: /nowhere: no such folder"),
        (["ingest", "mnist", "/nowhere", "--out", "unwritten"], "cardiosynth: mnist: no such dataset"),
        (["ingest", "acdc", "Makefile", "--out", "unwritten"], "cardiosynth: Makefile: a file, not a folder; unpack it"),
        (["ingest", "acdc", ".", "--centre", "liver", "--out", "unwritten"], "cardiosynth: ingest: centre: 'liver'"),
        (["export", "data", "--layout", "acdc", "--out", "unwritten"], "cardiosynth: data: no subjects.csv"),
        (["train", "studies/smoke.yaml", "RSX/phantom-a/seed-1"], "cardiosynth: RSX/phantom-a/seed-1: study smoke has no such training"),
    ],
)
def test_bad_input_ends_with_one_sentence(words, message):
    done = cardiosynth(*words)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith(message)
    assert "Traceback" not in done.stderr
    assert not (ROOT / "unwritten").exists()


def acdc(folder, *names):
    return {name: write_patient(folder / "training" / name, seed=seed) for seed, name in enumerate(names)}


def test_ingest_reads_the_rest_of_the_cohort_and_says_who_was_left_out(tmp_path):
    truth = acdc(tmp_path / "in", "patient001", "patient002", "patient900")
    broken = tmp_path / "in" / "training" / "patient900" / "patient900_frame01.nii.gz"
    broken.write_bytes(broken.read_bytes()[:100])
    done = cardiosynth("ingest", "acdc", tmp_path / "in", "--out", tmp_path / "out", "--size-px", 48, "--extent-mm", 60)
    assert done.returncode == 1
    assert f"left out: {broken}: cannot be read as NIfTI" in done.stderr and "Traceback" not in done.stderr
    assert "2 of 3 subjects read, 0 of them mended, 1 left out" in done.stdout
    cohort = Cohort.open(tmp_path / "out")
    assert cohort.images().shape[1:] == (2, 48, 48) and list(cohort.table.index) == ["patient001", "patient002"]
    for name in cohort.table.index:
        assert cohort.table.loc[name, ["edv_ml", "esv_ml"]].tolist() == pytest.approx(truth[name], abs=1e-3)
    report = pd.read_csv(tmp_path / "out" / "quality.csv").set_index("id")
    assert report["status"].tolist() == ["read", "read", "left out"] and "cannot be read" in report.at["patient900", "note"]
    page = (tmp_path / "out" / "quality.html").read_text()
    assert page.count("data:image/jpeg") == 2 and "http" not in page.split("<table")[1]


def test_where_nothing_can_be_read_there_is_a_report_but_no_cohort(tmp_path):
    acdc(tmp_path / "in", "patient001")
    (tmp_path / "in" / "training" / "patient001" / "Info.cfg").unlink()
    done = cardiosynth("ingest", "acdc", tmp_path / "in", "--out", tmp_path / "out")
    assert done.returncode == 2
    left_out, told = done.stderr.strip().splitlines()[-2:]
    assert left_out.startswith("left out: ") and left_out.endswith("Info.cfg: missing; ACDC keeps the ED and ES frame numbers there")
    assert "none of 1 subjects could be read, so there is no cohort; see " in told and told.endswith(left_out.removeprefix("left out: "))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["quality.csv", "quality.html"]


def test_a_second_ingest_takes_the_place_of_the_first_whole(tmp_path):
    acdc(tmp_path / "in", "patient001", "patient002")
    words = ["ingest", "acdc", tmp_path / "in", "--out", tmp_path / "out", "--workers", 1, "--size-px", 32, "--extent-mm", 60]
    assert cardiosynth(*words).returncode == 0
    first = {path.name for path in (tmp_path / "out").iterdir()}
    for path in (tmp_path / "in" / "training" / "patient001").glob("*_gt.nii.gz"):
        path.write_bytes(b"junk")
    assert cardiosynth(*words).returncode == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == first and list(Cohort.open(tmp_path / "out").table.index) == ["patient002"]
    (tmp_path / "in" / "training" / "patient002" / "Info.cfg").unlink()
    assert cardiosynth(*words).returncode == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["quality.csv", "quality.html"], "the first cohort is not the answer"
    (tmp_path / "out" / "notes.txt").write_text("mine")
    done = cardiosynth(*words)
    assert done.returncode == 2 and "holds notes.txt, which this command did not make" in done.stderr and (tmp_path / "out" / "notes.txt").is_file()


def study_of(tmp_path, *names):
    """A study of the patients of ``acdc``, the first for training and the others for testing."""
    (tmp_path / "split.csv").write_text("id,split\n" + "".join(f"{name},{'test' if i else 'train'}\n" for i, name in enumerate(names)))
    values = {"name": "mine", "title": "a test", "datasets": {"a": "acdc", "split": str(tmp_path / "split.csv")}, "grid": {"size_px": 32}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    return tmp_path / "mine.yaml"


def test_a_leak_across_splits_stops_a_study_until_one_side_is_excluded(tmp_path):
    acdc(tmp_path / "in", "patient001", "patient002")
    shutil.copytree(tmp_path / "in" / "training" / "patient001", tmp_path / "in" / "testing" / "patient101")
    for path in (tmp_path / "in" / "testing" / "patient101").glob("patient001*"):
        path.rename(path.with_name(path.name.replace("001", "101")))
    names = ["patient001", "patient002", "patient101"]
    words = ["prepare", study_of(tmp_path, *names), "acdc", "--data", tmp_path / "in", "--results", tmp_path / "results"]
    done = cardiosynth(*words)
    assert done.returncode == 2 and "patient001 (train) and patient101 (test) hold the same images" in done.stderr
    assert not (tmp_path / "results" / "cohorts" / "acdc" / "manifest.json").exists()
    split = tmp_path / "split.csv"
    split.write_text(split.read_text().replace("patient001,train", "patient001,excluded").replace("patient002,test", "patient002,train"))
    assert cardiosynth(*words).returncode == 0
    assert (tmp_path / "results" / "cohorts" / "acdc" / "manifest.json").exists()


def test_a_patient_of_the_split_who_cannot_be_read_stops_a_study(tmp_path):
    acdc(tmp_path / "in", "patient001", "patient002")
    (tmp_path / "in" / "training" / "patient002" / "Info.cfg").unlink()
    study = study_of(tmp_path, "patient001", "patient002")
    done = cardiosynth("prepare", study, "acdc", "--data", tmp_path / "in", "--results", tmp_path / "results")
    assert done.returncode == 2 and "1 of 2 subjects of acdc cannot be read" in done.stderr and "Info.cfg: missing" in done.stderr


@pytest.mark.parametrize("layout", ["acdc", "mnms", "ukbb", "kaggle", "kaggle-png", "sunnybrook"])
def test_a_phantom_cohort_survives_the_trip_through_every_layout(phantom_cohort, layout, tmp_path, monkeypatch):
    """Ingest, export, ingest again: the volumes are those of the exported grid."""
    monkeypatch.setenv("CARDIOSYNTH_SALT", "a secret for this test only")
    done = cardiosynth("export", phantom_cohort, "--layout", layout, "--out", tmp_path / layout)
    assert done.returncode == 0, done.stderr
    written = pd.read_csv(tmp_path / layout / "exported.csv", dtype=str).set_index("exported_as")[["edv_ml", "esv_ml"]].astype(float)
    done = cardiosynth("ingest", layout, tmp_path / layout, "--out", tmp_path / "back")
    assert done.returncode == 0, done.stderr
    back = Cohort.open(tmp_path / "back")
    assert len(back) == len(written) == len(Cohort.open(phantom_cohort))
    assert back.has_masks == (layout != "kaggle")
    columns = ["mask_edv_ml", "mask_esv_ml"] if layout == "kaggle-png" else ["edv_ml", "esv_ml"]
    tolerance = {"rtol": 0.01} if layout == "kaggle-png" else {"rtol": 0, "atol": 0.1}
    read = back.table if layout == "ukbb" else back.table.loc[written.index]
    order = sorted if layout == "ukbb" else list  # its ids are hashed
    for one, other in zip(columns, ["edv_ml", "esv_ml"]):
        np.testing.assert_allclose(order(read[one]), order(written[other]), **tolerance)


@pytest.fixture(scope="module")
def phantom_cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    values = yaml.safe_load((ROOT / "studies" / "smoke.yaml").read_text()) | {"phantom": {"train": 2, "validation": 1, "test": 2}}
    (folder / "few.yaml").write_text(yaml.safe_dump(values))
    done = cardiosynth("ingest", "phantom-a", folder / "few.yaml", "--out", folder / "cohort")
    assert done.returncode == 0, done.stderr
    return folder / "cohort"


@pytest.fixture
def notebook(tmp_path):
    cells = [
        nbformat.v4.new_code_cell("results = 'x'  # folder\nshare = 0.5  # of all, 0 to 1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("if share > 0.9:\n    raise ValueError('too much')\nprint(results, share)"),
    ]
    path = tmp_path / "n.ipynb"
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


def test_a_notebook_runs_with_its_parameters(notebook, tmp_path):
    notebooks.run_notebook(notebook, tmp_path / "out" / "n.ipynb", notebooks.parse_parameters(["results=there", "share=0.75"]))
    ran = nbformat.read(tmp_path / "out" / "n.ipynb", 4)
    assert ran.cells[-1].outputs[0].text == "there 0.75\n"


@pytest.mark.parametrize(
    "pairs, message",
    [
        (["study=x"], "unknown parameter 'study'; it has results, share"),
        (["share=half"], "parameter share is 'half'; expected a float like 0.5"),
        (["results"], "parameter 'results': expected name=value"),
        (["share=0.95"], "failed with ValueError: too much"),
    ],
)
def test_a_bad_parameter_leaves_no_output(notebook, tmp_path, pairs, message):
    with pytest.raises(InputError, match=message):
        notebooks.run_notebook(notebook, tmp_path / "out" / "n.ipynb", notebooks.parse_parameters(pairs))
    assert not (tmp_path / "out" / "n.ipynb").exists()


def test_a_second_run_of_the_same_study_waits_its_turn(tmp_path):
    with runner._one_at_a_time(tmp_path), pytest.raises(InputError, match=r"already running \(process \d+\)"), runner._one_at_a_time(tmp_path):
        pass


def test_a_study_whose_name_is_not_its_files_is_refused_before_another_ones_results_are_lost(tmp_path):
    shutil.copyfile(ROOT / "studies" / "smoke.yaml", tmp_path / "mine.yaml")
    with pytest.raises(InputError, match="mine.yaml: the key name is 'smoke'; give file and study one name"):
        runner.run(tmp_path / "mine.yaml", None, 1)


def test_every_stage_has_its_place_in_the_count():
    folders = stages(load_study(ROOT / "studies" / "smoke.yaml"))
    titles = list(folders.values())
    assert len(titles) == len(set(titles)) and titles[0] == "prepare phantom-a" and titles[-1] == "model"
    assert folders["models/RSP-half-matched/phantom-a/seed-1"] == "train RSP-half-matched/phantom-a/seed-1"
