"""A group of trainings in one pool: in order, and only what is not up to date."""

import json
import os

import pandas as pd
import pytest

from cardiosynth import ROOT
from cardiosynth.measuring.plan import GROUPS, Plan, group, inputs
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import experiment, trainings
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow.stages import train_sfera
from cardiosynth.workflow.trainings import train_group
from tiny_trainings import RSP, SSO, study_with, trained_on  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow


def times(results):
    return {path: path.stat().st_mtime_ns for path in results.glob("models/**/manifest.json")}


@pytest.fixture
def study(trained_on, monkeypatch):
    """A study of which SSO and RSP alone are trained."""
    monkeypatch.setattr("cardiosynth.workflow.trainings.group", lambda study, name: [RSP, SSO])
    return study_with(trained_on)


def test_a_group_trains_in_order_once_and_again_what_its_settings_change(study, trained_on):
    results = trained_on
    (results / "cohorts" / "phantom-a" / "manifest.json").write_text("{}")
    (results / "synthetic" / "images" / "manifest.json").write_text("{}")
    train_group(study, results, "synthetic", workers=2)
    first = times(results)
    assert set(json.loads((results / "models" / "synthetic.json").read_text())) == {RSP.path, SSO.path} and len(first) == 2
    sso, rsp = (results / "models" / training.path / "manifest.json" for training in (SSO, RSP))
    assert first[sso] < first[rsp]
    train_group(study, results, "synthetic", workers=2)
    assert times(results) == first
    train_group(study_with(results, fine_tuning_rate=0.01), results, "synthetic", workers=2)
    assert all(times(results)[path] > first[path] for path in (sso, rsp))  # a key of the section counts for all trainings


def test_a_killed_training_is_done_again_alone(study, trained_on):
    results = trained_on
    train_group(study, results, "synthetic", workers=1)
    first = times(results)
    (results / "models" / RSP.path / "manifest.json").unlink()
    train_group(study, results, "synthetic", workers=1)
    again = times(results)
    assert [path for path in first if again[path] > first[path]] == [results / "models" / RSP.path / "manifest.json"]


def test_other_hearts_are_other_inputs(study, trained_on):
    results = trained_on
    made_from = results / "synthetic" / "images" / "manifest.json"
    made_from.write_text("{}")
    train_group(study, results, "synthetic", workers=1)
    assert train_sfera.up_to_date(study, results, SSO)
    made_from.write_text("{ }")
    assert not train_sfera.up_to_date(study, results, SSO)


def test_an_error_of_one_training_ends_the_group_with_its_sentence(study, trained_on):
    os.rename(trained_on / "synthetic", trained_on / "elsewhere")
    with pytest.raises(InputError, match="synthetic/images"):
        train_group(study, trained_on, "synthetic", workers=2)
    assert not (trained_on / "models" / "synthetic.json").exists()


def test_every_training_is_in_one_group_and_the_real_ones_wait_for_no_painted_heart(tmp_path):
    study = study_with(tmp_path)
    groups = [group(study, name) for name in GROUPS]
    assert sorted(t.path for t in sum(groups, [])) == sorted(t.path for t in trainings(study))
    assert {experiment(t.experiment).name for t in groups[0]} == {"RSO"}
    assert all(inputs(study, training) == ["cohorts/phantom-a"] for training in groups[0])
    of_two = group(load_study(ROOT / "studies" / "smoke.yaml"), "real")
    assert {t.experiment for t in of_two} == {"RSO", "RSA", "RSO-reduced-0", "RSO-zoom"}
    with pytest.raises(InputError, match="expected real or synthetic"):
        group(study, "painted")


def test_the_plan_says_who_learns_from_whom_and_whom_it_predicts(trained_on):
    plan = Plan.of(study_with(trained_on, ridge="all", fine_tuning_epochs=3), trained_on, RSP)
    text = str(plan)
    assert "4 subjects of" in text and "starts from     SSO/both/seed-1" in text and "3 of 1 updates, 4 subjects each" in text
    assert [len(cohort) for cohort in plan.ridge] == [4, 5] and sum(map(len, plan.held_out.values())) == 5
    seen = pd.concat([cohort.table for cohort in [*plan.train, *plan.ridge]]).index
    assert not set(seen) & set(plan.held_out["phantom-a"].table.index)
