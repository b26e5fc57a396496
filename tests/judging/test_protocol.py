"""The protocol agrees with the study that it was written for, and its verdicts follow the intervals."""

import numpy as np
import pandas as pd
import pytest

from cardiosynth.figures.protocol import decisions_table, runs_table
from cardiosynth.judging.paper import EXPECTED, NUMBERS
from cardiosynth.judging.protocol import COMPARED, decisions, protocol, replicated
from cardiosynth.judging.tables import COMPARISONS
from cardiosynth.measuring.predictions import GROUPS, POOLED, QUANTITIES
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow.publish import ROOT

STATED = protocol()["primary"] + protocol()["secondary"]


def test_the_study_file_has_what_the_protocol_says():
    written = protocol()
    study = load_study(ROOT / "studies" / f"{written['study']}.yaml")
    assert study.seeds == study.ablation_seeds == written["seeds"]
    assert list(written["cohorts"]) == [study.datasets.a, study.datasets.b]
    assert study.datasets.truth == "masks" and study.statistics.confidence == written["confidence"]


def test_the_further_study_differs_in_sizes_rates_and_questions_alone():
    written = protocol()
    study, further = (load_study(ROOT / "studies" / f"{name}.yaml") for name in (written["study"], written["further"]["study"]))
    same = ("seeds", "datasets", "masks", "statistics")
    assert all(getattr(study, name) == getattr(further, name) for name in same)
    assert further.grid.model_copy(update={"size_px": study.grid.size_px}) == study.grid
    for name in ("real_epochs", "synthetic_epochs", "fine_tuning_epochs", "augmentation", "readout", "ridge"):
        assert getattr(study.sfera, name) == getattr(further.sfera, name)
    assert further.sfera.fine_tuning_rate == further.sfera.rate / 4


@pytest.mark.parametrize("stated", STATED, ids=lambda stated: stated["id"])
def test_a_stated_comparison_is_one_that_the_study_makes(stated):
    assert (stated["first"], stated["second"]) in COMPARISONS
    assert stated["dataset"] in protocol()["cohorts"] and stated["split"] in ("test", POOLED)
    assert stated["group"] in GROUPS and stated["quantity"] in QUANTITIES and stated["expected"] in EXPECTED
    assert (stated["expected"] == "equal") == ("margin" in stated)


def compared_as(intervals: dict) -> pd.DataFrame:
    """Rows of the table of tests with the given interval for each stated comparison."""
    rows = [
        {name: stated[name] for name in COMPARED}
        | dict.fromkeys(NUMBERS, 0.0)
        | {"n": 50, "seeds_first": 5, "seeds_second": 5, "rmse_difference_low": low, "rmse_difference_high": high}
        for stated, (low, high) in ((s, intervals[s["id"]]) for s in STATED if s["id"] in intervals)
    ]
    return pd.DataFrame(rows, columns=[*COMPARED, *NUMBERS])


@pytest.mark.parametrize(("first", "second", "word"), [
    ((0.5, 2.0), (0.1, 3.0), "replicated"), ((0.5, 2.0), (-0.1, 3.0), "undecided"), ((-2.0, -0.5), (0.1, 3.0), "contradicted"),
])  # fmt: skip
def test_the_intervals_decide(first, second, word):
    table = decisions(compared_as({"rsp-ef": first, "rsp-reduced-ef": second, "rsp-over-segmentation": (-0.9, 0.4)}))
    assert replicated(table) == word
    found = table.set_index("id")["verdict"]
    assert found["rsp-over-segmentation"] == "agrees" and found["rsp-edv"] == "not tested"


def test_what_was_not_run_is_not_decided():
    assert replicated(decisions(compared_as({"rsp-ef": (0.5, 2.0)}))) == "not tested"
    assert np.isnan(decisions(compared_as({}))["rmse_difference"]).all()


class Stub:
    """Results of which only one table and the study file are asked."""

    def __init__(self, table, study="acdc-full"):
        self.only, self.study = table, load_study(ROOT / "studies" / f"{study}.yaml")

    def table(self, name):
        return self.only

    def origin(self):
        return "Study made-up."


def test_the_table_shows_each_stated_comparison_and_what_they_come_to():
    table = decisions_table(Stub(compared_as({"rsp-ef": (0.5, 2.0), "rsp-reduced-ef": (0.1, 3.0)})))
    assert len(table.frame) == len(STATED) and table.frame["verdict"].tolist()[:3] == ["agrees", "agrees", "not tested"]
    assert "main claim: replicated" in table.caption and "made-up" in table.caption


def errors(**seeds) -> pd.DataFrame:
    """A table 1 in which the experiment of each name has an RMSE of ten times its number of trainings."""
    return pd.DataFrame([
        {"experiment": name, "dataset": "acdc", "split": split, "group": "all", "quantity": "ef", "rmse": 10.0 * count, "rmse_low": np.nan,
         "rmse_high": np.nan, "rmse_sd": np.nan, "seeds": count} for name, count in seeds.items() for split in ("test", "validation")
    ])  # fmt: skip


def test_runs_stand_side_by_side_and_what_one_lacks_is_a_dash():
    runs = {"small": Stub(errors(RSO=5, RSP=5)), "large": Stub(errors(RSO=3, segmentation=1), "acdc-large")}
    table = runs_table(runs, ("RSO", "RSP", "segmentation"), "test")
    assert table.frame.set_index("experiment").loc[["RSO", "RSP", "segmentation"]].iloc[:, 1:].to_numpy().tolist() == [
        ["50.0", "30.0"], ["50.0", "–"], ["–", "10.0"]]  # fmt: skip
    assert "64 pixels, SFERA from 8 channels, 30 epochs over synthetic hearts, trainings: 5; large: 150 pixels" in table.caption
    assert "trainings: 3 of RSO acdc, 1 of segmentation acdc" in table.caption
