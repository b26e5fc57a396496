"""The stage that makes synthetic masks."""

import pandas as pd
import pytest

from cardiosynth.data.cohort import write_cohort
from cardiosynth.study.errors import InputError
from cardiosynth.workflow.stages.choose_masks import synthesise_masks
from round_hearts import COUNT, heart, round_study  # noqa: F401 (a fixture)


def test_the_selection_is_reported_by_the_stage(round_study):
    report = pd.read_csv(round_study.folder / "synthetic" / "selection.csv")
    assert report.groupby("split").chosen.sum().to_dict() == {"train": COUNT, "validation": 5}
    assert report[report.split == "train"].wanted.tolist() == [COUNT / 14] * 14
    assert (report.chosen <= report.available).all()


def test_a_study_that_asks_for_the_impossible_says_so(round_study, tmp_path):
    study = round_study.study.model_copy(update={"masks": round_study.study.masks.model_copy(update={"target": "bins"})})
    write_cohort(tmp_path / "cohorts" / "phantom-a", [heart("h", "train", 12, 8)])
    with pytest.raises(InputError, match="target_bins is empty"):
        synthesise_masks(study, tmp_path)
