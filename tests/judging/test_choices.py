"""The errors of what was tried for SFERA, from a record made by hand."""

import numpy as np
import pandas as pd
import pytest

from cardiosynth import ROOT
from cardiosynth.judging.choices import choice_errors, size_errors
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import SferaSettings, Statistics

SETTINGS = Statistics(bootstrap_draws=50)


@pytest.fixture()
def record():
    """Six subjects of EDV 100 and ESV 50 ml, two seeds. ESV is read 5 ml too high by ``sum`` (EF 45), 10 by ``last`` (EF 40)."""
    rows, subjects = [], []
    for value, excess in (("sum", 5.0), ("last", 10.0)):
        for seed in (1, 2):
            rows.append(
                {"cohort": "phantom-a", "choice": "readout", "value": value, "in_study": value == "sum", "seed": seed, "folds": 3, "epochs": 90}
            )
            subjects += [{"choice": "readout", "value": value, "seed": seed, "subject": f"s{i}", "edv_ml": 100.0, "esv_ml": 50 + excess * (-1) ** i,
                          "fold": i // 2, "edv_true_ml": 100.0, "esv_true_ml": 50.0} for i in range(6)]  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(subjects)


def test_errors_and_their_change_are_those_worked_out_by_hand(record):
    found = choice_errors(*record, SETTINGS).set_index("value")
    assert found["trainings"].to_list() == [6, 6] and found["in_study"].to_list() == [True, False]
    assert np.allclose(found[["edv_ml_rmse", "esv_ml_rmse", "ef_rmse", "ef_mae"]], [[0, 5, 5, 5], [0, 10, 10, 10]])
    assert found.loc["sum", ["change", "change_low", "change_high"]].isna().all()
    assert np.allclose(found.loc["last", ["change", "change_low", "change_high"]].astype(float), 5)


def test_a_value_tried_with_fewer_seeds_is_compared_on_those(record):
    """The study's second seed is made 20 points worse; ``last`` has the first seed alone."""
    rows, subjects = (table[(table["value"] == "sum") | (table["seed"] == 1)] for table in record)
    subjects = subjects.assign(esv_ml=subjects["esv_ml"].where(subjects["seed"] == 1, 75.0))
    found = choice_errors(rows, subjects, SETTINGS).set_index("value")
    assert found.loc["sum", "ef_rmse"] == pytest.approx((5 + 25) / 2)
    assert found.loc["last", "change"] == pytest.approx(5)


def test_a_choice_after_synthetic_hearts_reads_each_subject_once_a_fold(record):
    rows, subjects = record
    again = subjects.assign(fold=9, esv_ml=50.0)  # a second training of each seed that makes no error
    assert choice_errors(rows, pd.concat([subjects, again]), SETTINGS)["ef_rmse"].to_list() == pytest.approx([2.5, 5.0])


def test_errors_by_size_and_their_power_law_are_those_worked_out_by_hand(record):
    """ESV is off by 320 ml over the pixels, so that a doubling halves the error, EDV by 2 ml at every size."""
    rows, subjects = record
    with pytest.raises(InputError, match="no sizes among the recorded choices"):
        size_errors(subjects)
    own = subjects[subjects["value"] == "sum"]
    sizes = [own.assign(choice="pixels", value=str(px), esv_ml=50 + 320 / px, edv_ml=98.0) for px in (32, 64, 128)]
    found = size_errors(pd.concat([subjects, *sizes]), SETTINGS).set_index("quantity")
    assert np.allclose(found.loc["esv_ml", ["32 px", "64 px", "128 px"]].astype(float), [10, 5, 2.5])
    assert np.allclose(found.loc[["edv_ml", "esv_ml"], ["doubling", "doubling_low", "doubling_high"]], [[1] * 3, [0.5] * 3])
    assert found.loc["esv_ml", "projected"] == pytest.approx(320 / 150)
    assert found["experiment"].to_list() == ["RSO"] * 3
    assert len(choice_errors(rows, pd.concat([subjects, *sizes]), SETTINGS)) == 2


def test_every_default_of_the_sections_is_among_what_was_tried():
    record = (pd.read_csv(ROOT / "data" / "results" / "choices" / f"acdc{end}.csv") for end in ("", "_subjects"))
    found = choice_errors(*record, SETTINGS)
    usual = found[found["in_study"]].set_index("choice")["value"].drop("ridge-after-synthetic")
    assert len(usual) == 4 and {key: str(getattr(SferaSettings(), key)) for key in usual.index} == usual.to_dict()
