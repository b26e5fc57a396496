"""The benchmark of observers, on drawings made up so that it can be worked out by hand."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from cardiosynth import ROOT
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Statistics

spec = importlib.util.spec_from_file_location("observers", ROOT / "evidence" / "observers.py")
observers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(observers)


def drawings():
    """Six exams of three pigs; the first observer draws the same again, the second 10 % more at ED; one exam lacks the second."""
    first = pd.DataFrame({"id": list("abcdef"), "pig": ["p", "p", "q", "q", "r", "r"], "ED": [100.0, 120, 90, 110, 80, 150]})
    first["ES"] = first.ED / 2
    parts = [first.assign(obs="obs0_rep0"), first.assign(obs="obs0_rep1"), first.assign(obs="obs1_rep0", ED=first.ED * 1.1)[:5]]
    return pd.concat(parts, ignore_index=True)


def test_differences_by_hand():
    table = observers.variability(drawings(), Statistics(bootstrap_draws=50), 1).set_index(["pair", "quantity"])
    same = table.loc["one observer, twice"]
    assert (same[["bias", "sd", "rms"]] == 0).all(axis=None) and (same.exams == 6).all() and (same.pigs == 3).all()
    other = table.loc["two observers"]
    assert other.rms["edv_ml"] == pytest.approx(100 * 0.1 / 1.05) and other.bias["edv_ml"] == pytest.approx(100 * 0.1 / 1.05)
    assert other.rms["esv_ml"] == 0 and other.exams["edv_ml"] == 5
    assert other.rms["ef"] == pytest.approx(50 - 50 / 1.1) and other.sd_one["ef"] == pytest.approx((50 - 50 / 1.1) / np.sqrt(2))


def test_the_interval_is_drawn_over_pigs():
    """Five pigs of which one, with two exams, is drawn otherwise: draws without it have no difference at all."""
    first = pd.DataFrame({"id": list("abcdef"), "pig": list("ppqrst"), "ED": 100.0, "ES": 50.0})
    second = first.assign(ES=[60.0, 60, 50, 50, 50, 50])
    table = pd.concat([first.assign(obs=name) for name in ("obs0_rep0", "obs0_rep1")] + [second.assign(obs="obs1_rep0")])
    row = observers.variability(table, Statistics(bootstrap_draws=500), 1).set_index(["pair", "quantity"]).loc[("two observers", "ef")]
    assert row.rms == pytest.approx(np.sqrt(200 / 6)) and row.rms_low == 0 and row.rms_high > row.rms


def test_bad_input_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read as a table of drawings"):
        observers.read(tmp_path / "nothing.csv")
    drawings().drop(columns="pig").to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(InputError, match="short.csv: no column 'pig'; expected the columns obs, id, pig, ED, ES"):
        observers.read(tmp_path / "short.csv")
