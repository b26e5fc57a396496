"""The stage that trains SFERA, seen from its last step: what the ridge is fitted on, at which no network is trained again."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from discs import SIZE, disc_subject

from cardiosynth import training
from cardiosynth.cohort import write_cohort
from cardiosynth.experiments import Training
from cardiosynth.stages.regression import _learning, load_sfera, train_sfera
from cardiosynth.study import load_study
from cardiosynth.training import Hearts

SSO, RSP = Training("SSO", "both", 1), Training("RSP", "phantom-a", 1)
SFERA = {"base_channels": 2, "features": 8, "hidden": 4, "batch": 4, "real_epochs": 1, "synthetic_epochs": 1, "fine_tuning_epochs": 1}


def study_with(folder, **sfera):
    values = {"name": "tiny", "title": "made up", "datasets": {"a": "phantom-a"}, "grid": {"size_px": SIZE}, "sfera": SFERA | sfera}
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    return load_study(folder / "study.yaml")


@pytest.fixture()
def results(tmp_path):
    rng = np.random.default_rng(0)
    splits = ["train"] * 4 + ["validation"] * 3 + ["test"] * 2
    real = [disc_subject(f"disc-{i}", 5 + i, rng, split) for i, split in enumerate(splits)]
    made = [replace(disc_subject(f"made-{i}", 9 + i, rng, "train" if i < 5 else "validation"), masks=None) for i in range(8)]
    for place, hearts, edv_ml in (("cohorts/phantom-a", real, 80.0), ("synthetic/images", made, 150.0)):
        write_cohort(tmp_path / place, [replace(heart, edv_ml=edv_ml + 9 * i, esv_ml=30.0 + i**2) for i, heart in enumerate(hearts)])
    return tmp_path


def test_the_ridge_is_fitted_on_the_subjects_named_without_training_again(results, monkeypatch):
    study = study_with(results)
    train_sfera(study, results, SSO)
    train_sfera(study, results, RSP)
    network, own, _ = load_sfera(study, results, RSP)
    monkeypatch.setattr(training, "_epoch", None)  # any further epoch would fail
    ridges = {"own": own}
    for kind in ("all", "none"):
        train_sfera(study_with(results, ridge=kind), results, RSP)
        again, ridges[kind], _ = load_sfera(study, results, RSP)
        assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), again.state_dict().values()))
    cohorts = [training.Cohort.open(results / place).split("train") for place in ("cohorts/phantom-a", "synthetic/images")]
    assert ridges["own"].intercepts == pytest.approx(Hearts.of(cohorts[0]).volumes.mean(axis=0))
    assert ridges["all"].intercepts == pytest.approx(Hearts.of(*cohorts).volumes.mean(axis=0))
    notes = load_sfera(study, results, RSP)[2]
    assert ridges["none"].intercepts == pytest.approx(network.head.bias.detach().numpy() * notes["value_range"][1])
    assert json.loads((results / "models" / RSP.path / "manifest.json").read_text())["parameters"]["sfera"]["ridge"] == "none"


def test_only_what_changes_the_weights_makes_another_training(tmp_path):
    usual = _learning(study_with(tmp_path))
    assert _learning(study_with(tmp_path, ridge="none")) == usual
    assert _learning(study_with(tmp_path, augmentation="flips")) != usual != _learning(study_with(tmp_path, readout="mean"))
