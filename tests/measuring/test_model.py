"""Model folders: what the stage leaves, what its card says, and how a bad one is refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from cardiosynth.data.cohort import Cohort
from cardiosynth.judging import card
from cardiosynth.measuring.model_folder import load_model
from cardiosynth.measuring.sfera_training import Hearts
from cardiosynth.measuring.uncertainty import Calibration
from cardiosynth.networks.checkpoints import load_tensors, save_tensors
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import Training
from cardiosynth.study.files import sha256
from cardiosynth.study.provenance import MANIFEST
from cardiosynth.workflow.stages.make_model import make_model
from model_files import COUNTS, STUDY, model_folder, write_training

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return model_folder(tmp_path_factory.mktemp("results"))


@pytest.fixture
def copied(made, tmp_path):
    return shutil.copytree(made, tmp_path / "model")


def test_the_folder_holds_the_ensemble_its_study_and_a_card(made):
    assert {path.name for path in made.iterdir()} == {
        "seed-1.safetensors", "seed-2.safetensors", "familiarity.safetensors", "study.yaml", "card.json", "card.md", "manifest.json", "timing.json",
    }  # fmt: skip
    model = load_model(made)
    assert model.study == STUDY and len(model.members) == 2


def test_making_it_again_gives_the_same_bytes_and_leaves_no_training_of_before(made):
    before = {path.name: sha256(path) for path in made.iterdir() if path.name != "timing.json"}
    (made / "seed-9.safetensors").write_bytes(b"stale")
    make_model(STUDY, made.parent)
    assert before == {path.name: sha256(path) for path in made.iterdir() if path.name != "timing.json"}


def test_it_predicts_what_the_study_predicted(made):
    """The mean of the seeds' predictions in predictions.csv; a ridge on a network that was never trained magnifies rounding."""
    model, cohort = load_model(made), Cohort.open(made.parent / "cohorts" / "phantom-a").split("test")
    forecast = model.forecast(model.features(Hearts.of(cohort).images), cohort.table["slice_gap_mm"])
    rows = pd.concat([pd.read_csv(made.parent / "models" / "RSP" / "phantom-a" / f"seed-{seed}" / "predictions.csv") for seed in (1, 2)])
    expected = rows[rows["split"] == "test"].groupby("subject")[["edv_ml", "esv_ml"]].mean().loc[cohort.table.index]
    assert np.allclose(forecast.mean, expected, atol=0.02)


def test_the_card_counts_and_measures_but_names_nobody(made):
    values, page = json.loads((made / "card.json").read_text()), (made / "card.md").read_text()
    assert values["subjects"] == COUNTS and values["seeds"] == [1, 2] and not values["patients"]
    table = Cohort.open(made.parent / "cohorts" / "phantom-a").split("train").table
    assert values["seen"]["edv_ml"] == [round(table["edv_ml"].min()), round(table["edv_ml"].max())]
    assert {row["split"] for row in values["held_out"]} == {"test"}
    assert "Not a medical device" in page and "computed phantom" in page and "found in its images" in page
    for text in (page, (made / "card.json").read_text(), (made / "study.yaml").read_text(), str(load_tensors(made / "seed-1.safetensors")[1])):
        assert "cone-" not in text


def test_scores_of_an_ensemble_by_hand():
    """Two seeds, mean 110 and 90 of 100: no bias. Second subject 10 too high: bias 5, RMSE root of 50; one of two covered."""
    rows = []
    for seed, edvs in ((1, (110.0, 110.0)), (2, (90.0, 110.0))):
        for subject, edv in zip("ab", edvs):
            rows.append(
                {
                    "subject": subject,
                    "dataset": "a",
                    "experiment": "RSP",
                    "split": "test",
                    "seed": seed,
                    "edv_ml": edv,
                    "esv_ml": 50.0,
                    "edv_sd_ml": 1.0,
                    "esv_sd_ml": 1.0,
                    "ef_sd": 1.0,
                    "volume_correlation": 0.0,
                    "true_edv_ml": 100.0,
                    "true_esv_ml": 50.0,
                    "true_ef": 50.0,
                }
            )
    edv, esv, ef = card.held_out(pd.DataFrame(rows), Calibration())
    assert (edv["bias"], edv["rmse"], edv["coverage_percent"], edv["subjects"]) == (5.0, 7.07, 50.0, 2)
    assert (esv["bias"], esv["rmse"], esv["coverage_percent"]) == (0.0, 0.0, 100.0)
    assert ef["bias"] == pytest.approx((100 * (1 - 50 / 110) - 50) / 2, abs=0.01)
    assert card.held_out(pd.DataFrame(rows), Calibration(factor=100.0))[0]["coverage_percent"] == 100.0


def test_intervals_are_as_wide_as_the_calibration_says(made):
    model, stacks = load_model(made), Hearts.of(Cohort.open(made.parent / "cohorts" / "phantom-a").split("test")).images
    features, gaps = model.features(stacks), np.full(len(stacks), 8.0)
    stated, wider = (replace(model, calibration=Calibration(factor)).forecast(features, gaps) for factor in (1.0, 4.0))
    assert np.allclose(wider.covariance, 4 * stated.covariance) and np.array_equal(wider.mean, stated.mean)


def overwrite(path):
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))


def resealed(folder, change):
    """A change that the manifest knows of, as if the files had been made so."""
    change()
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"] = {name: sha256(folder / name) for name in manifest["files"]}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def corrupt_header(folder):
    path = folder / "seed-1.safetensors"
    resealed(folder, lambda: path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:]))


def other_widths(folder):
    values = yaml.safe_load((folder / "study.yaml").read_text())
    values["sfera"]["base_channels"] = 8
    (folder / "study.yaml").write_text(yaml.safe_dump(values))


def a_seed_too_many(folder):
    values = yaml.safe_load((folder / "study.yaml").read_text())
    (folder / "study.yaml").write_text(yaml.safe_dump(values | {"seeds": [1, 2, 3]}))


def other_ensemble(folder):
    tensors = load_tensors(folder / "familiarity.safetensors")[0]
    resealed(folder, lambda: save_tensors(folder / "familiarity.safetensors", tensors | {"centre": torch.zeros(3, 12, dtype=torch.float64)}, {}))


def no_ridge(folder):
    tensors = {name: t for name, t in load_tensors(folder / "seed-2.safetensors")[0].items() if name != "ridge.scale"}
    resealed(folder, lambda: save_tensors(folder / "seed-2.safetensors", tensors, {}))


BAD = {
    "absent": (lambda at: shutil.rmtree(at), "model: no such model folder; the stage 'model' of a study makes"),
    "foreign": (lambda at: [path.unlink() for path in at.iterdir()], "model: no study.yaml, so this is not a (whole) model folder"),
    "no study": (lambda at: (at / "study.yaml").unlink(), "model: no study.yaml, so"),
    "unfinished": (lambda at: (at / MANIFEST).unlink(), "model: no manifest.json, so"),
    "bad study": (lambda at: (at / "study.yaml").write_text("name: a"), "study.yaml: title"),
    "no calibration": (lambda at: (at / "card.json").write_text("{}"), "card.json: no calibration (factor, power, reference_ml)"),
    "bad card": (lambda at: (at / "card.json").write_text("{"), "card.json: not valid JSON"),
    "changed": (lambda at: overwrite(at / "seed-2.safetensors"), "seed-2.safetensors: damaged or changed"),
    "lost": (lambda at: (at / "seed-2.safetensors").unlink(), "seed-2.safetensors: missing, though manifest.json lists it"),
    "corrupt header": (corrupt_header, "seed-1.safetensors: damaged safetensors file"),
    "other widths": (other_widths, "seed-1.safetensors: does not hold the SFERA network of its study file"),
    "no ridge": (no_ridge, "seed-2.safetensors: does not hold the SFERA network of its study file"),
    "a seed too many": (a_seed_too_many, "seed-3.safetensors: no such file"),
    "other ensemble": (other_ensemble, "familiarity.safetensors: of 3 networks and 12 channels, but there are 2 and 12"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_folder_is_refused_in_one_sentence(copied, kind):
    spoil, message = BAD[kind]
    spoil(copied)
    with pytest.raises(InputError) as caught:
        load_model(copied)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_the_results_folder_is_not_the_model_but_close(made):
    with pytest.raises(InputError, match=r"did you mean .*model\?"):
        load_model(made.parent)


def test_a_training_of_other_widths_stops_the_stage(tmp_path):
    model_folder(tmp_path)
    wider = STUDY.sfera.model_copy(update={"hidden": 4})
    write_training(tmp_path, Cohort.open(tmp_path / "cohorts" / "phantom-a"), Training("RSP", "phantom-a", 2), wider)
    with pytest.raises(InputError, match="does not hold the SFERA network"):
        make_model(STUDY, tmp_path)
    assert not (tmp_path / "model" / MANIFEST).exists()
