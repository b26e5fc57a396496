"""Subjects that pages show are chosen by their numbers."""

import pandas as pd

from cardiosynth.measuring.examples import at_quantiles, nearest, two_subjects, typical_subject
from tiny_study import results  # noqa: F401 (a fixture)


def test_subjects_are_chosen_by_their_numbers():
    table = pd.DataFrame({"ef": [70.0, 30.0, 50.0, 20.0], "edv_ml": [100.0, 200, 150, 250], "esv_ml": [30.0, 140, 75, 200]}, index=list("abcd"))
    assert at_quantiles(table, [0, 0.01, 1]) == ["d", "a"]
    assert nearest(table, pd.Series({"edv_ml": 155.0, "esv_ml": 70.0})) == "c"
    assert two_subjects(table) == ["a", "b"]
    assert two_subjects(table.loc[["a", "c"]]) == ["a", "c"]


def test_the_typical_subject_is_the_median_of_the_training_split(results):
    ef = results.cohort(1).split("train").table["ef"].sort_values()
    assert typical_subject(results.cohort(1)) == ef.index[2]
