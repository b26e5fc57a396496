import numpy as np
import pytest

from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.preprocessing import Placement
from cardiosynth.data.quality import COLUMNS, Log, Reading, kinds, left_out, record
from cardiosynth.data.report import summary, write
from cardiosynth.data.volumes import LV
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Grid
from made_up_hearts import heart

HERE = Placement(np.arange(3), (3.5, 3.5))


def scan(**changes):
    return heart(masks=np.full((3, 2, 8, 8), LV, np.uint8), **changes)


def reading(name, content=(), **changes):
    subject = scan(name=name, **changes)
    return Reading(subject, record(subject, HERE, Grid(minimum_slices=3)), frozenset(content))


@pytest.mark.parametrize(
    "changes, remark",
    [
        ({}, ""),
        ({"esv_ml": 98.0}, "EF of 2 %"),
        ({"edv_ml": 700.0, "esv_ml": 300.0}, "EDV of 700 ml"),
        ({"slice_gap_mm": 20.0}, "slices 20.0 mm apart"),
        ({"spacing_mm": (5.0, 5.0)}, "pixels of 5.00 mm"),
        ({"spacing_mm": (30.0, 0.5)}, "pixels of 15.25 mm; 25.0 % of the LV's pixels are cut away"),
    ],
)
def test_what_looks_odd_is_said(changes, remark):
    assert record(scan(**changes), HERE, Grid(minimum_slices=3))["remarks"] == remark


def test_the_log_hands_on_who_was_read_and_keeps_the_reason_for_who_was_not():
    log = Log()
    bad = left_out("bad", "test", InputError("bad: the file is torn"))
    mended = reading("mended", "xy", extra={"split": "train", "mended": "1 repeated slice location: last kept"})
    passed = list(log.passing([reading("good", "xz"), bad, mended]))
    assert [subject.id for subject in passed] == ["good", "mended"]
    table = log.table().set_index("id")
    assert list(table.columns) == COLUMNS[1:]
    assert table["status"].to_dict() == {"good": "read", "bad": "left out", "mended": "mended"}
    assert table.at["bad", "note"] == "bad: the file is torn" and "repeated slice" in table.at["mended", "note"]
    assert table["same_images_as"].fillna("").to_dict() == {"good": "mended", "bad": "", "mended": "good"}
    assert summary(log.table()) == "2 of 3 subjects read, 1 of them mended, 1 left out; 0 with something odd, 2 with the images of another."


def test_the_page_stands_alone_and_shows_every_subject(tmp_path):
    log = Log()
    readings = [reading("good"), left_out("bad <b>", "test", InputError("no & such file"))]
    cohort = write_cohort(tmp_path, log.passing(readings))
    write(tmp_path / "quality.html", "three <hearts>", log.table(), cohort)
    page = (tmp_path / "quality.html").read_text()
    assert "three &lt;hearts&gt;" in page and "bad &lt;b&gt;" in page and "no &amp; such file" in page
    assert page.count("<img") == 1 and 'src="data:image/jpeg;base64,' in page and "script" not in page
    assert page.count("<tr") == 3 and 'class="out"' in page


def test_doubts_of_the_reader_stand_among_the_remarks():
    extra = {"split": "train", "doubts": "no LV drawn in slice 3"}
    assert record(scan(esv_ml=98.0, extra=extra), HERE, Grid(minimum_slices=3))["remarks"] == "EF of 2 %; no LV drawn in slice 3"


def test_what_happened_is_told_by_kind_with_counts_and_a_first_case():
    log = Log()
    missing = [left_out(f"p{n}", "test", InputError(f"/data/p{n}/a_frame0{n}.nii.gz: missing; is the download complete?")) for n in range(1, 4)]
    odd = [reading(f"q{n}", extra={"split": "train", "doubts": f"slice {n} of 9, 10"}) for n in (1, 2)]
    list(log.passing([*missing, left_out("x", "test", InputError("x: EDV 1.5 ml and ESV 2 ml")), *odd]))
    assert kinds(log.table()).splitlines() == [
        "left out: /data/p1/a_frame01.nii.gz: missing; is the download complete? (3 of this kind)",
        "left out: x: EDV 1.5 ml and ESV 2 ml",
        "odd: q1: slice 1 of 9, 10 (2 of this kind)",
    ]
    assert kinds(Log().table()) == ""
