"""The page of masks in depth, from a small study with known counts."""

import numpy as np
import pandas as pd
import pytest

from cardiosynth import ROOT
from cardiosynth.data.volumes import ejection_fraction, volume_ml
from cardiosynth.figures.formatting import Table
from cardiosynth.masks.targets import bin_edges
from cardiosynth.study.errors import InputError
from pages import run_page
from round_hearts import COUNT, round_study  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow

RECORDED = ROOT / "data" / "results" / "masks"


@pytest.fixture(scope="module")
def tables(round_study):
    """The tables of the page, by the first words of their captions."""
    shown = run_page("13-masks-in-depth", results=str(round_study.folder), recorded=str(RECORDED))["shown"]
    return {table.caption: table for table in shown if isinstance(table, Table)}


def shown(tables, words: str) -> pd.DataFrame:
    (found,) = [table.frame for caption, table in tables.items() if caption.startswith(words)]
    return found


def kept_data(study, name: str) -> pd.DataFrame:
    assert (study.folder / "figures" / f"{name}.png").is_file()
    return pd.read_csv(study.folder / "figures" / f"{name}.csv")


def test_the_readings_stand_under_what_is_printed_with_the_studys_own_marked(tables):
    frame = shown(tables, "Synthetic subjects that a reading")
    assert frame.loc[0, ["reading", "train", "validation", "total"]].tolist() == ["printed", "16,491", "6,162", "22,653 (22,861)"]
    assert frame.reading.str.contains("this study").sum() == 1
    assert frame.explained[1:4].tolist() == ["4 of 4"] * 3 and frame["deviation (%)"][1:4].is_monotonic_increasing
    assert (frame.train == "–").any() and frame.total[1:].str.fullmatch(r"[0-9,]+").all()


def test_the_model_is_checked_on_the_studys_own_masks(tables, round_study):
    frame = shown(tables, "Candidates per subject")
    own = frame[frame.masks == round_study.describe(1)].set_index("operation")
    table = round_study.candidates()
    assert own.loc["total", "EF within limits"] == pytest.approx(table.ef.between(10, 80).sum() / 8)
    assert own.loc["total", "EF error, RMS"] < 4  # discs are what the model is made of; what is left is pixels
    assert frame.masks.str.contains("ACDC").any()


def test_flatness_before_and_after_are_those_of_the_candidates(tables, round_study):
    frame = shown(tables, "Flatness of the EF")
    table = round_study.candidates().query("split == 'train' and kept")
    before, after = frame[frame.split == "train"].flatness
    counts = np.histogram(table.ef, bin_edges(10, 80))[0]
    assert before == pytest.approx(1 - 0.5 * np.abs(counts / counts.sum() - 1 / 14).sum())
    assert before < after and frame.subjects.tolist()[1] == COUNT


def test_causes_are_counted_by_operation(tables, round_study):
    frame, table = shown(tables, "Candidates kept, and the rest"), round_study.candidates()
    assert frame["kept"].sum() == table["kept"].sum() and (frame["kept"] > 0).any()
    assert frame.drop(columns=["candidates", "kept"]).to_numpy().sum() == table.loc[~table["kept"], "faults"].str.split("; ").map(len).sum()


def test_the_figures_of_the_selection_keep_their_data(tables, round_study):
    counts = kept_data(round_study, "02-flatness").groupby("candidates").subjects.sum()
    assert counts["after selection"] == COUNT
    shares = kept_data(round_study, "02-coverage").groupby("candidates").share_percent.sum()
    assert set(shares.index) == {"before selection", "chosen by EF", "chosen by EF and EDV"} and np.allclose(shares, 100)


def test_the_variants_are_of_the_subject_named_and_measured_as_drawn(round_study):
    run_page("13-masks-in-depth", results=str(round_study.folder), recorded=str(RECORDED), subject="h2")
    plain, conserved, *others = kept_data(round_study, "13-variants").itertuples()
    cohort = round_study.cohort(1)
    row = cohort.table.loc["h2"]
    edv_ml, esv_ml = volume_ml(cohort.masks()[cohort.rows("h2")], row["spacing_mm"] ** 2, row["slice_gap_mm"])
    assert (plain.edv_ml, plain.esv_ml) == pytest.approx((edv_ml, esv_ml)) and plain.ef == pytest.approx(ejection_fraction(edv_ml, esv_ml))
    assert conserved.myocardium_es_ml / conserved.myocardium_ed_ml == pytest.approx(1, abs=0.03)
    assert len(others) == 4 and all(other.ef != pytest.approx(plain.ef, abs=0.5) for other in others if other.variant != "shortened")


@pytest.mark.parametrize(
    "caption, words",
    [
        ("Masks that break a rule", ["wall open", "acdc", "phantoms"]),
        ("Slices in which the LV area", ["ES inside ED", "phantom-b", "phantoms"]),
        ("Volume of the myocardium", ["95th percentile", "conserved", "phantoms"]),
        ("Each variant of the same", ["hypertrophic", "median EDV, ml", "phantoms"]),
        ("Mask synthesis against", ["times as fast", "phantom"]),
    ],
)
def test_recorded_tables_are_shown_with_their_cohorts(tables, caption, words):
    (table,) = [table for name, table in tables.items() if name.startswith(caption)]
    text = table._repr_mimebundle_()["text/markdown"]
    assert all(word in text for word in words)


def test_recorded_tables_that_are_missing_are_named(round_study, tmp_path):
    with pytest.raises(InputError, match="no such recorded table"):
        run_page("13-masks-in-depth", results=str(round_study.folder), recorded=str(tmp_path))
