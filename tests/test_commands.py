"""Bad input from the command line: one sentence, a non-zero exit, nothing half-written."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from acdc_files import write_patient

from cardiosynth import notebooks, runner
from cardiosynth.cohort import Cohort
from cardiosynth.errors import InputError
from cardiosynth.study import load_study

ROOT = Path(__file__).parent.parent


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
        (["train", "studies/smoke.yaml", "RSX/phantom-a/seed-1"], "cardiosynth: RSX/phantom-a/seed-1: study smoke has no such training"),
    ],
)
def test_bad_input_ends_with_one_sentence(words, message):
    done = cardiosynth(*words)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith(message)
    assert "Traceback" not in done.stderr
    assert not (ROOT / "unwritten").exists()


def test_ingest_makes_a_cohort_of_what_is_there_and_stops_at_a_broken_scan(tmp_path):
    truth = {name: write_patient(tmp_path / "in" / "training" / name, seed=seed) for seed, name in enumerate(("patient001", "patient900"))}
    done = cardiosynth("ingest", "acdc", tmp_path / "in", "--out", tmp_path / "out", "--size-px", 48, "--extent-mm", 60)
    assert done.returncode == 0, done.stderr
    cohort = Cohort.open(tmp_path / "out")
    assert cohort.images().shape[1:] == (2, 48, 48)
    for name, (edv_ml, esv_ml) in truth.items():
        assert cohort.table.loc[name, ["edv_ml", "esv_ml"]].tolist() == pytest.approx([edv_ml, esv_ml], abs=1e-3)
    broken = tmp_path / "in" / "training" / "patient900" / "patient900_frame01.nii.gz"
    broken.write_bytes(broken.read_bytes()[:100])
    done = cardiosynth("ingest", "acdc", tmp_path / "in", "--out", tmp_path / "half")
    assert done.returncode == 2 and f"cardiosynth: {broken}: cannot be read as NIfTI" in done.stderr
    assert not list((tmp_path / "half").glob("*.csv")) and not list((tmp_path / "half").glob("*.npy"))


@pytest.fixture
def notebook(tmp_path):
    cells = [nbformat.v4.new_code_cell("results = 'x'  # folder\nshare = 0.5  # of all, 0 to 1", metadata={"tags": ["parameters"]}),
             nbformat.v4.new_code_cell("if share > 0.9:\n    raise ValueError('too much')\nprint(results, share)")]
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
    with runner._one_at_a_time(tmp_path):
        with pytest.raises(InputError, match="already running"):
            with runner._one_at_a_time(tmp_path):
                pass


def test_every_stage_has_its_place_in_the_count():
    titles = runner.titles(load_study(ROOT / "studies" / "smoke.yaml"))
    assert len(titles) == len(set(titles)) and titles[0] == "prepare phantom-a" and titles[-1] == "book"
    assert "train RSP-half-matched/phantom-a/seed-1" in titles
