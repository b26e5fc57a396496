"""The enumeration of the paper's readings: against counts and formulas worked out by hand."""

import re

import numpy as np
import pandas as pd
import pytest

from cardiosynth.data.cohort import write_cohort
from cardiosynth.judging import enumeration
from cardiosynth.judging.enumeration import all_readings, check, ef_histogram, kept_per_subject, modelled_ef, printed_counts, repeats, source_ef
from cardiosynth.study.sections import Masks
from round_hearts import heart


@pytest.fixture(scope="module")
def table():
    return enumeration.readings()


def recipe(ed_alpha=12, es_alpha=0, ed_gamma=1.0, es_gamma=1.0, acts_on="area"):
    return pd.DataFrame([{
        "ed_alpha": ed_alpha, "es_alpha": es_alpha, "steps": 12, "ed_gamma": ed_gamma, "es_gamma": es_gamma,
        "gamma_acts_on": acts_on,
    }])  # fmt: skip


def one_bin(ef):
    return pd.DataFrame({"ef_from": [ef - 0.001], "ef_to": [ef + 0.001], "train": [3], "validation": [1]})


@pytest.mark.parametrize("ef", [0.0, 8.0, 36.0, 75.0])
def test_the_original_pair_keeps_its_ef(ef):
    assert modelled_ef(recipe(), ef) == pytest.approx(ef)


def test_interpolation_moves_radii_linearly():
    # an EF of 75 % is a radius that halves, from 1 to 1/2; in the middle it is 3/4, the area 9/16
    assert modelled_ef(recipe(ed_alpha=6), 75.0) == pytest.approx(100 * (1 - (1 / 4) / (9 / 16)))
    assert modelled_ef(recipe(es_alpha=6), 75.0) == pytest.approx(100 * (1 - 9 / 16))
    assert modelled_ef(recipe(ed_alpha=0), 75.0) == pytest.approx(0)


def test_gamma_multiplies_areas_or_lengths():
    assert modelled_ef(recipe(es_gamma=0.5), 40.0) == pytest.approx(70.0)
    assert modelled_ef(recipe(es_gamma=0.5, acts_on="length"), 40.0) == pytest.approx(85.0)
    assert modelled_ef(recipe(ed_gamma=1.2), 40.0) == pytest.approx(50.0)


def test_kept_candidates_counted_by_hand():
    # EF 30 %: paired gamma raises it to 100 (1 - 0.7 * 0.7 / 1.1846) = 58.6 at most, so all 13 stay
    settings = Masks(interpolations=1, include_original=True)
    assert kept_per_subject(settings, one_bin(30.0)) == {"train": 16.0, "validation": 16.0}
    # EF 79 %: the weakest pair already gives 79.5, the next 80.6; one interpolated mask halves the change of the radius
    assert kept_per_subject(settings, one_bin(79.0))["train"] == 1 + 2 + 1
    assert kept_per_subject(settings, one_bin(79.0), shift=-49.0)["train"] == 16.0


@pytest.mark.parametrize("settings, copies", [
    (Masks(), 0), (Masks(include_original=True), 0), (Masks(scaling="separate", include_original=True), 1),
    (Masks(scaling="separate", gamma_interval="open", include_original=True), 0),
    (Masks(gamma_interval="closed", include_original=True), 1), (Masks(alpha_interval="closed", include_original=True), 2),
])  # fmt: skip
def test_copies_are_counted(settings, copies):
    assert repeats(settings) == copies


def test_every_reading_stands_once(table):
    names = ["alpha_interval", "gamma_interval", "scaling", "gamma_acts_on", "include_original", "sources"]
    assert len(table) == len(list(all_readings())) == 3 * 3 * 2 * 2 * 2 * 2 and not table.duplicated(names).any()


def test_candidates_before_the_filter_are_those_of_the_audit(table):
    inside = table[(table.alpha_interval == "inside") & (table.gamma_interval == "half-open")]
    assert set(inside.candidates) == {35, 36, 48, 49}
    assert set(table[table.alpha_interval == "open"].candidates) == {33, 34, 46, 47}
    assert set(table[table.alpha_interval == "closed"].candidates) == {37, 38, 50, 51}


def test_training_alone_predicts_no_split_and_is_judged_by_the_totals(table):
    alone = table[table.sources == "train alone"]
    assert alone[["train", "validation", "validation_per_subject"]].isna().all().all() and alone.explained.max() == 2
    np.testing.assert_allclose(alone.total, 491 * alone.train_per_subject)
    both = table[table.sources != "train alone"]
    np.testing.assert_allclose(both.total, 491 * both.train_per_subject + 187 * both.validation_per_subject)
    assert ((table.total_low <= table.total) & (table.total <= table.total_high)).all()


def test_only_one_family_explains_all_printed_counts(table):
    best = table[table.explained == 4]
    assert len(best) == 6 and table.explained.is_monotonic_decreasing
    assert (best.scaling == "paired").all() and (best.sources == "train and validation").all()
    assert (best.gamma_acts_on == "area").all() and best.include_original.all() and set(best.alpha_interval) == {"inside", "closed"}
    assert best.deviation.between(1.0, 1.4).all()


def test_figures_of_the_docstring(table):
    rows = table[(table.alpha_interval == "inside") & (table.gamma_interval == "half-open") & (table.gamma_acts_on == "area")]
    rows = rows.set_index(["scaling", "sources", "include_original"])
    paired = rows.loc[("paired", "train and validation", True)]
    alone = rows.loc[("separate", "train alone", True)]
    assert [f"{value:,.0f}" for value in (paired.train, paired.validation, alone.total)] == ["16,236", "6,215", "22,857"]
    assert rows.loc[("paired", "train and validation", False)].train / 16491 - 1 == pytest.approx(-0.045, abs=5e-4)
    numbers = set(re.findall(r"\d\d,\d{3}|\d,\d{3}", enumeration.__doc__))
    assert numbers == {"16,491", "6,162", "22,653", "22,861", "16,236", "6,215", "22,857"}
    both = table[table.sources != "train alone"]
    assert (both.validation_per_subject > both.train_per_subject).all()


def test_the_histogram_holds_the_reference_and_nothing_of_a_patient():
    histogram = ef_histogram()
    assert histogram.columns.tolist() == ["ef_from", "ef_to", "train", "validation"]
    assert histogram[["train", "validation"]].sum().tolist() == [500, 200]
    assert (histogram.ef_to - histogram.ef_from == 1).all() and (histogram.ef_from[1:].to_numpy() == histogram.ef_to[:-1]).all()
    # the paper's own shares of its datasets, 6.3 % below an EF of 40 and 10.5 % above 70
    below, above = (100 * histogram.train[part].sum() / 500 for part in (histogram.ef_to <= 40, histogram.ef_from >= 70))
    assert below == pytest.approx(6.3, abs=0.3) and above == pytest.approx(10.5, abs=0.5)


def test_printed_counts_come_from_the_paper():
    assert list(printed_counts().values()) == [491, 187, 16491, 6162, 22653, 22861]


def test_the_model_beside_candidates_that_follow_it_and_one_that_does_not():
    rows = pd.concat([recipe(), recipe(es_gamma=0.5), recipe(ed_alpha=1)], ignore_index=True)
    rows = rows.assign(source_id="s", operation=["original", "scaled", "ed-interpolated"], kept=[True, False, True])
    rows["ef"] = modelled_ef(rows, 40.0)
    rows.loc[2, "ef"] += 6.0  # a candidate of 4.6 % by the model
    found = check(rows, pd.Series({"s": 40.0}), Masks()).set_index("operation")
    assert found.loc["scaled", ["kept", "within", "model"]].tolist() == [0, 1, 1]
    assert found.loc["ed-interpolated", ["within", "model", "ef_bias", "ef_rmse"]].tolist() == pytest.approx([1, 0, -6, 6])
    assert found.loc["total", "ef_rmse"] == pytest.approx(np.sqrt(12))


def test_the_ef_of_a_source_is_counted_on_its_masks(tmp_path):
    cohort = write_cohort(tmp_path, [heart("a", "train", 12.0, 6.0), heart("b", "train", 12.0, 12.0), heart("c", "train", 12.0, 8.0)])
    ef = source_ef(cohort, ["b", "a"])
    assert list(ef.index) == ["b", "a"] and ef["b"] == 0 and ef["a"] == pytest.approx(75, abs=1.5)
