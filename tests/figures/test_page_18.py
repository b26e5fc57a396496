"""The page of reading patients, from the recorded tables."""

import shutil

import pandas as pd
import pytest

from cardiosynth import ROOT
from cardiosynth.figures.formatting import Table
from cardiosynth.study.errors import InputError
from page_foot import write_provenance
from pages import run_page

pytestmark = pytest.mark.slow

RECORDED = ROOT / "data" / "results"


def tables(folder, recorded=RECORDED) -> dict[str, Table]:
    write_provenance(folder)
    shown = run_page("18-reading-patients", results=str(folder), recorded=str(recorded))["shown"]
    return {table.caption: table for table in shown if isinstance(table, Table)}


def test_recorded_tables_of_reading_are_shown_with_their_cohorts(tmp_path):
    shown = tables(tmp_path)
    assert len(shown) == 10 and all("patients" in caption for caption in shown)
    for caption, words in {
        "Subjects of public": ["acdc", "pairs with the same images"],
        "Volumes read": ["EDV, ml", "largest"],
        "What tells whether": ["brightness of blood over muscle", "kaggle-png"],
        "Reading whole cohorts": ["phantom-a", "1500"],
        "Crop of 150 mm": ["image (paper)", "within 20 mm, %"],
        "Base and apex found": ["base exact, %", "apex if nothing were cut, %"],
        "Simpson's volumes": ["EDV bias", "EF RMSE"],
        "What the pre-trained": ["RMSE, annotated", "extra_test"],
        "Stacks whose base": ["right, %"],
        "Frames found": ["sunnybrook-SCD0000101", "ED within one, %"],
    }.items():
        (table,) = [table for name, table in shown.items() if name.startswith(caption)]
        assert all(word in table._repr_mimebundle_()["text/markdown"] for word in words)


def test_what_is_shown_is_what_was_recorded(tmp_path):
    recorded = tmp_path / "recorded"
    for name in ("readers", "finders"):
        shutil.copytree(RECORDED / name, recorded / name)
    centres = pd.read_csv(recorded / "finders" / "centre.csv").assign(median_mm=1.25)
    centres.to_csv(recorded / "finders" / "centre.csv", index=False)
    (shown,) = [table.frame for caption, table in tables(tmp_path, recorded).items() if caption.startswith("Crop of 150 mm")]
    assert (shown["median, mm"] == 1.25).all() and set(shown["centre"]) == {"image (paper)", "found"}
    shutil.rmtree(recorded / "finders")
    with pytest.raises(InputError, match="no such recorded table"):
        tables(tmp_path, recorded)
