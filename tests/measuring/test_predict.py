"""Measuring scans with a model folder, from files to table and pages."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from cardiosynth import ROOT
from cardiosynth.data.writers import to_acdc
from cardiosynth.figures.prediction import page
from cardiosynth.measuring.measure import Measurement, measure
from cardiosynth.measuring.model_folder import load_model
from cardiosynth.study.errors import InputError
from cardiosynth.workflow.stages.predict_scans import predict
from model_files import cone, model_folder
from scan_files import cine_file, dicom_folder, pair_files

pytestmark = pytest.mark.slow

COLUMNS = [f"{name}{end}{unit}" for name, unit in (("edv", "_ml"), ("esv", "_ml"), ("ef", "")) for end in ("", "_low", "_high")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return model_folder(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def patients(tmp_path_factory):
    """Eight hearts that no training has seen, as ACDC lays them out: their truth by folder."""
    root = tmp_path_factory.mktemp("scans") / "acdc"
    hearts = [cone(f"new-{index}", 900 + index) for index in range(8)]
    to_acdc.write(root, hearts)
    return {str(root / "testing" / f"patient{index:03d}"): heart for index, heart in enumerate(hearts, start=1)}


@pytest.fixture(scope="module")
def table(made, patients, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "new"
    assert predict(made, list(patients), out, 0.9, "none")
    return pd.read_csv(out / "predictions.csv", keep_default_na=False)


def test_most_intervals_hold_the_truth(table, patients):
    for quantity in ("edv_ml", "esv_ml", "ef"):
        stem, unit = quantity.removesuffix("_ml"), "_ml" if quantity.endswith("_ml") else ""
        truth = np.array([getattr(heart, quantity) for heart in patients.values()])
        low, high = table[f"{stem}_low{unit}"], table[f"{stem}_high{unit}"]
        assert ((truth >= low) & (truth <= high)).sum() >= 6
        assert ((low <= table[quantity]) & (table[quantity] <= high)).all()
        assert np.corrcoef(table[quantity], truth)[0, 1] > 0.9


def test_hearts_like_those_of_the_training_raise_no_warning(table):
    """One in thirteen is expected to look unfamiliar, as twelve validation subjects give the limit."""
    assert (table["warnings"] == "").sum() >= 6


def test_a_wider_level_gives_a_wider_interval(made, patients, tmp_path):
    scan = next(iter(patients))
    for level in (0.5, 0.99):
        predict(made, [scan], tmp_path / str(level), level, "none")
    half, nearly_all = (pd.read_csv(tmp_path / str(level) / "predictions.csv").iloc[0] for level in (0.5, 0.99))
    assert half["edv_ml"] == nearly_all["edv_ml"] and (half["level"], nearly_all["level"]) == (0.5, 0.99)
    for name, unit in (("edv", "_ml"), ("esv", "_ml"), ("ef", "")):
        assert nearly_all[f"{name}_low{unit}"] < half[f"{name}_low{unit}"] < half[f"{name}_high{unit}"] < nearly_all[f"{name}_high{unit}"]


def test_one_heart_in_three_formats_has_the_same_volumes(made, tmp_path, capsys):
    (tmp_path / "pair").mkdir()
    scans = [pair_files(tmp_path / "pair"), cine_file(tmp_path / "cine.nii.gz"), dicom_folder(tmp_path / "dicom")]
    assert predict(made, scans, tmp_path / "out", 0.9, "edv")
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert table["name"].tolist() == ["ed", "cine", "dicom"]
    assert np.allclose(table.loc[0, COLUMNS].astype(float), table.loc[2, COLUMNS].astype(float), atol=0.2)
    assert table.loc[1, "edv_ml"] == pytest.approx(table.loc[0, "edv_ml"], abs=2.0)  # a frame beside ED is nearly ED
    shown = capsys.readouterr().out
    assert "EDV, ml" in shown and "90 % interval" in shown and "Not a medical device" in shown
    for name in table["name"]:
        assert imread(tmp_path / "out" / f"{name}.png").shape == (1870, 1323, 4)


def test_the_same_scans_give_the_same_bytes_whatever_stands_beside_them(made, patients, tmp_path):
    first, second = list(patients)[:2]
    predict(made, [first, second], tmp_path / "a", 0.9, "edv")
    predict(made, [first, second], tmp_path / "b", 0.9, "edv")
    predict(made, [second], tmp_path / "c", 0.9, "edv")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["patient001.png", "patient002.png", "predictions.csv"]
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)
    assert (tmp_path / "a" / "patient002.png").read_bytes() == (tmp_path / "c" / "patient002.png").read_bytes()


def test_a_foreign_scan_is_warned_of(made, tmp_path):
    to_acdc.write(tmp_path / "acdc", [cone("noisy", 901, noise=60.0), cone("thin", 902, gap_mm=5.0), cone("long", 903, slices=12)])
    folder = tmp_path / "acdc" / "testing"
    predict(made, [str(path) for path in sorted(folder.iterdir())], tmp_path / "out", 0.9, "none")
    noisy, thin, long = pd.read_csv(tmp_path / "out" / "predictions.csv")["warnings"]
    assert "the images look unfamiliar" in noisy
    assert "slices 5.0 mm apart (seen in training: 8 to 8)" in thin
    assert "slices between base and apex (seen in training: 8 to 8)" in long


def test_a_cut_field_of_view_is_warned_of(made, tmp_path):
    """The scan is 55 mm wide, 19.6 of the crop's 32 columns; interpolation reaches one or two further: 31 to 37 % are outside."""
    heart = cone("cut", 901)
    pair_files(tmp_path, heart.images[..., 14:-14])
    predict(made, [f"{tmp_path}/ed.nii.gz,{tmp_path}/es.nii.gz"], tmp_path / "out", 0.9, "none")
    remarks = pd.read_csv(tmp_path / "out" / "predictions.csv").at[0, "warnings"]
    share = int(re.search(r"(\d+) % of the crop lies outside the image", remarks)[1])
    assert 31 <= share <= 37


def test_bad_scans_are_named_and_the_others_measured(made, patients, tmp_path):
    scans = ["/nowhere", next(iter(patients)), str(tmp_path)]
    command = [sys.executable, "-m", "cardiosynth", "predict", str(made), *scans, "--out", str(tmp_path / "out"), "--map", "none"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "left out: /nowhere: no such file or folder" in done.stderr and f"left out: {tmp_path}: no DICOM files" in done.stderr
    assert names(tmp_path / "out") == ["left_out.csv", "patient001.png", "predictions.csv"]
    left_out = pd.read_csv(tmp_path / "out" / "left_out.csv")
    assert left_out["scan"].tolist() == ["/nowhere", str(tmp_path)]
    assert left_out["reason"].str.contains("no such file or folder|no DICOM files").all()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_second_run_leaves_only_its_own_files(made, patients, tmp_path):
    first, second = list(patients)[:2]
    assert not predict(made, [first, "/nowhere"], tmp_path, 0.9, "none")
    assert names(tmp_path) == ["left_out.csv", "patient001.png", "predictions.csv"]
    assert predict(made, [second], tmp_path, 0.9, "none")
    assert names(tmp_path) == ["patient002.png", "predictions.csv"]
    assert pd.read_csv(tmp_path / "predictions.csv")["name"].tolist() == ["patient002"]


def test_where_nothing_can_be_measured_no_earlier_answer_stays(made, patients, tmp_path):
    predict(made, list(patients)[:1], tmp_path / "out", 0.9, "none")
    assert not predict(made, ["/nowhere"], tmp_path / "out", 0.9, "edv")
    assert names(tmp_path / "out") == ["left_out.csv"]


@pytest.mark.parametrize("name, message", [("mine.png", "holds mine.png"), ("predictions.csv", "predictions.csv: not made by this command")])
def test_a_folder_of_something_else_is_refused_before_anything_is_read(made, patients, tmp_path, monkeypatch, name, message):
    (tmp_path / name).write_text("mine", encoding="utf-8")
    monkeypatch.setattr("cardiosynth.workflow.stages.predict_scans.measure", lambda *_: pytest.fail("something was read"))
    with pytest.raises(InputError, match=message):
        predict(made, list(patients)[:1], tmp_path, 0.9, "none")
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_an_interrupted_run_leaves_the_earlier_answer(made, patients, tmp_path, monkeypatch):
    first, second = list(patients)[:2]
    predict(made, [first], tmp_path, 0.9, "none")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr("cardiosynth.workflow.stages.predict_scans.page", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        predict(made, [second], tmp_path, 0.9, "none")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "error, sentence, logged",
    [
        (ZeroDivisionError("division by zero"), "unexpected ZeroDivisionError: division by zero (errors.log says where)", True),
        (MemoryError(), "not enough memory", False),
        (PermissionError(13, "Permission denied", "/a/ed.nii"), "/a/ed.nii: permission denied", False),
    ],
)
def test_whatever_goes_wrong_in_one_scan_leaves_only_that_one_out(made, patients, tmp_path, monkeypatch, capsys, error, sentence, logged):
    first, second = list(patients)[:2]

    def failing(model, scan, *rest):
        if scan == first:
            raise error
        return measure(model, scan, *rest)

    monkeypatch.setattr("cardiosynth.workflow.stages.predict_scans.measure", failing)
    assert not predict(made, [first, second], tmp_path / "out", 0.9, "none")
    said = capsys.readouterr().err
    assert f"left out: {first}: {sentence}" in said and "Traceback" not in said
    assert pd.read_csv(tmp_path / "out" / "predictions.csv")["name"].tolist() == ["patient002"]
    assert sentence in pd.read_csv(tmp_path / "out" / "left_out.csv").at[0, "reason"]
    assert (tmp_path / "out" / "errors.log").exists() == logged
    assert not logged or "in failing" in (tmp_path / "out" / "errors.log").read_text(encoding="utf-8")


def test_a_page_that_fails_leaves_no_part_of_it(made, patients, tmp_path, monkeypatch):
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError):
        predict(made, list(patients)[:1], tmp_path / "out", 0.9, "none")
    assert not list((tmp_path / "out").glob("[!.]*"))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"level": 1.0}, "--level: 1; expected a probability"),
        ({"mapped": "lv"}, "--map: 'lv'; expected edv, esv, none"),
        ({"model_folder": Path("/nowhere")}, "/nowhere: no such model folder"),
        ({"scans": ["/a/cine.nii", "/a/cine.nii"]}, "name each scan once"),
        ({"out": ROOT / "README.md"}, "README.md: a file; name a folder"),
    ],
)
def test_what_is_wrong_with_the_call_is_said_before_anything_is_read(made, tmp_path, options, message):
    call = {"model_folder": made, "scans": ["/nowhere"], "out": tmp_path / "out", "level": 0.9, "mapped": "edv"} | options
    with pytest.raises(InputError, match=message):
        predict(**call)


def test_a_page_holds_many_slices_and_long_warnings(made, tmp_path):
    to_acdc.write(tmp_path / "acdc", [cone("long", 903, slices=20)])
    one = measure(load_model(made), str(tmp_path / "acdc" / "testing" / "patient001"), "a name " * 12, 0.9, "esv_ml")
    assert one.contribution.shape == one.pair.images[:, 0].shape and len(one.pair.images) > 12
    crowded = Measurement(**vars(one) | {"remarks": ["a long remark on this scan " * 12] * 3})
    assert page(crowded, load_model(made).card) != page(one, load_model(made).card)
