"""The table of what was tried for SFERA, from a record made by hand."""

import numpy as np
import pandas as pd
import pytest

from cardiosynth import ROOT
from cardiosynth.figures.choices import sfera_choices, sfera_sizes
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import SferaSettings, Statistics


@pytest.fixture()
def folder(tmp_path):
    """Six subjects of EDV 100 and ESV 50 ml, two seeds. ESV is read 5 ml too high by ``sum`` (EF 45), 10 by ``last`` (EF 40)."""
    rows, subjects = [], []
    for value, excess in (("sum", 5.0), ("last", 10.0)):
        for seed in (1, 2):
            rows.append(
                {"cohort": "phantom-a", "choice": "readout", "value": value, "in_study": value == "sum", "seed": seed, "folds": 3, "epochs": 90}
            )
            subjects += [{"choice": "readout", "value": value, "seed": seed, "subject": f"s{i}", "edv_ml": 100.0, "esv_ml": 50 + excess * (-1) ** i,
                          "fold": i // 2, "edv_true_ml": 100.0, "esv_true_ml": 50.0} for i in range(6)]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "tiny.csv", index=False)
    pd.DataFrame(subjects).to_csv(tmp_path / "tiny_subjects.csv", index=False)
    return tmp_path


def test_errors_and_their_change_are_those_worked_out_by_hand(folder):
    table = sfera_choices(folder, Statistics(bootstrap_draws=50))
    frame = table.frame.set_index("value")
    assert frame["trainings"].to_list() == [6, 6]
    assert np.allclose(frame[["EDV RMSE", "ESV RMSE", "EF RMSE", "EF MAE"]], [[0, 5, 5, 5], [0, 10, 10, 10]])
    assert frame["change of EF RMSE"].to_list() == ["the study's", "+5.00 [+5.00,\N{NO-BREAK SPACE}+5.00]"]
    assert "phantom-a: embedded phantom, not patients" in table.caption


def test_a_value_tried_with_fewer_seeds_is_compared_on_those(folder):
    """The study's second seed is made 20 points worse; ``last`` has the first seed alone."""
    for name in ("tiny.csv", "tiny_subjects.csv"):
        table = pd.read_csv(folder / name)
        table = table[(table["value"] == "sum") | (table["seed"] == 1)]
        if "esv_ml" in table:
            table.loc[table["seed"] == 2, "esv_ml"] = 75.0
        table.to_csv(folder / name, index=False)
    frame = sfera_choices(folder, Statistics(bootstrap_draws=50)).frame.set_index("value")
    assert frame.loc["sum", "EF RMSE"] == pytest.approx((5 + 25) / 2)
    assert frame.loc["last", "change of EF RMSE"].startswith("+5.00")


def test_a_choice_after_synthetic_hearts_reads_each_subject_once_a_fold(folder):
    subjects = pd.read_csv(folder / "tiny_subjects.csv")
    again = subjects.assign(fold=9, esv_ml=50.0)  # a second training of each seed that makes no error
    pd.concat([subjects, again]).to_csv(folder / "tiny_subjects.csv", index=False)
    assert sfera_choices(folder, Statistics(bootstrap_draws=50)).frame["EF RMSE"].to_list() == pytest.approx([2.5, 5.0])


def test_errors_by_size_and_their_power_law_are_those_worked_out_by_hand(folder):
    """ESV is off by 320 ml over the pixels, so that a doubling halves the error, EDV by 2 ml at every size."""
    subjects, rows = (pd.read_csv(folder / name) for name in ("tiny_subjects.csv", "tiny.csv"))
    own = subjects[subjects["value"] == "sum"]
    with pytest.raises(InputError, match="no sizes among the choices"):
        sfera_sizes(folder)
    sizes = [own.assign(choice="pixels", value=px, esv_ml=50 + 320 / px, edv_ml=98.0) for px in (32, 64, 128)]
    pd.concat([subjects, *sizes]).to_csv(folder / "tiny_subjects.csv", index=False)
    pd.concat([rows, rows.assign(choice="pixels", value=64)]).to_csv(folder / "tiny.csv", index=False)
    frame = sfera_sizes(folder, Statistics(bootstrap_draws=50)).frame.set_index("RMSE of")
    assert np.allclose(frame.loc["ESV in ml", ["32 px", "64 px", "128 px"]].to_list(), [10, 5, 2.5])
    assert frame["factor of a doubling"].to_list()[:2] == ["1.00 [1.00,\N{NO-BREAK SPACE}1.00]", "0.50 [0.50,\N{NO-BREAK SPACE}0.50]"]
    assert frame.loc["ESV in ml", "projected, 150 px"].startswith(f"{320 / 150:.2f} [")
    assert frame["experiment"].to_list() == ["RSO"] * 3
    assert len(sfera_choices(folder, Statistics(bootstrap_draws=50)).frame) == 2


def test_no_record_is_said_so(tmp_path):
    with pytest.raises(InputError, match="acdc.csv: no such recorded table"):
        sfera_choices(tmp_path)


def test_the_recorded_choices_are_shown():
    """Every default of the sections is among what was tried."""
    table = sfera_choices(ROOT / "data" / "results" / "choices").frame
    usual = table[table["change of EF RMSE"] == "the study's"].groupby("choice")["value"].first()
    names = {"LSTM output read": "readout", "augmentation": "augmentation", "convolutions a block": "convolutions", "ridge": "ridge"}
    assert {key: str(getattr(SferaSettings(), key)) for key in names.values()} == {names[choice]: usual[choice] for choice in names}
