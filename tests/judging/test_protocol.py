"""The protocol agrees with the study that it was written for, and its verdicts follow the intervals."""

import numpy as np
import pytest

from cardiosynth.data.volumes import QUANTITIES
from cardiosynth.judging.paper import EXPECTED
from cardiosynth.judging.protocol import decisions, protocol, replicated
from cardiosynth.judging.tables import COMPARISONS
from cardiosynth.measuring.predictions import GROUPS, POOLED
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow.publish import ROOT
from stated_comparisons import compared_as

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
