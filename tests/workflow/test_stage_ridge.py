"""The stage that trains SFERA, seen from its last step: what the ridge is fitted on, at which no network is trained again."""

import json

import pytest
import torch

from cardiosynth.measuring import sfera_training
from cardiosynth.measuring.sfera_training import Hearts
from cardiosynth.workflow.stages.train_sfera import _learning, load_sfera, train_sfera
from tiny_trainings import RSP, SSO, study_with, trained_on  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow


def test_the_ridge_is_fitted_on_the_subjects_named_without_training_again(trained_on, monkeypatch):
    results = trained_on
    study = study_with(results)
    train_sfera(study, results, SSO)
    train_sfera(study, results, RSP)
    network, own, _ = load_sfera(study, results, RSP)
    monkeypatch.setattr(sfera_training, "_epoch", None)  # any further epoch would fail
    ridges = {"own": own}
    for kind in ("all", "none"):
        train_sfera(study_with(results, ridge=kind), results, RSP)
        again, ridges[kind], _ = load_sfera(study, results, RSP)
        assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), again.state_dict().values()))
    cohorts = [sfera_training.Cohort.open(results / place).split("train") for place in ("cohorts/phantom-a", "synthetic/images")]
    assert ridges["own"].intercepts == pytest.approx(Hearts.of(cohorts[0]).volumes.mean(axis=0))
    assert ridges["all"].intercepts == pytest.approx(Hearts.of(*cohorts).volumes.mean(axis=0))
    notes = load_sfera(study, results, RSP)[2]
    assert ridges["none"].intercepts == pytest.approx(network.head.bias.detach().numpy() * notes["value_range"][1])
    assert json.loads((results / "models" / RSP.path / "manifest.json").read_text())["parameters"]["sfera"]["ridge"] == "none"


def test_only_what_changes_the_weights_makes_another_training(tmp_path):
    usual = _learning(study_with(tmp_path))
    assert _learning(study_with(tmp_path, ridge="none")) == usual
    assert _learning(study_with(tmp_path, augmentation="flips")) != usual != _learning(study_with(tmp_path, readout="mean"))
