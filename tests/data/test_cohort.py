import numpy as np
import pytest

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.study.errors import InputError
from made_up_hearts import heart


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"edv_ml": 30.0}, "ED and ES frames swapped"),
        ({"esv_ml": 0.0}, "EDV >= ESV > 0"),
        ({"slice_gap_mm": 0.0}, "three positive numbers"),
        ({"spacing_mm": (float("nan"), 1.0)}, "three positive numbers"),
        ({"masks": np.full((3, 2, 8, 8), 85, np.uint8)}, r"unknown mask labels \[85\]"),
        ({"masks": np.zeros((3, 2, 8, 9), np.uint8)}, "they must agree"),
        ({"images": np.full((3, 2, 8, 8), np.nan)}, "NaN"),
        ({"images": np.zeros((3, 8, 8))}, "expected \\(slices, 2, H, W\\)"),
    ],
)
def test_a_subject_that_cannot_be_true_is_refused_by_name(changes, message):
    with pytest.raises(InputError, match="^one: .*" + message):
        heart(**changes)


def test_a_cohort_comes_back_as_it_was_written(tmp_path):
    rng = np.random.default_rng(0)
    subjects = [
        heart(
            f"s{i}", i + 2, images=rng.integers(0, 255, (i + 2, 2, 8, 8), dtype=np.uint8), masks=rng.integers(0, 4, (i + 2, 2, 8, 8), dtype=np.uint8)
        )
        for i in range(3)
    ]
    write_cohort(tmp_path, iter(subjects))
    cohort = Cohort.open(tmp_path)
    assert list(cohort.table.index) == ["s0", "s1", "s2"]
    assert cohort.table.loc["s1", "ef"] == 60.0
    for subject in subjects:
        assert np.array_equal(cohort.images()[cohort.rows(subject.id)], subject.images)
        assert np.array_equal(cohort.masks()[cohort.rows(subject.id)], subject.masks)
    assert len(cohort.split("train")) == 3 and len(cohort.split("test")) == 0
    assert not list(tmp_path.glob("*.partial")) and not list(tmp_path.glob(".*partial*"))


def test_a_failure_midway_leaves_no_cohort(tmp_path):
    def broken():
        yield heart("good")
        raise InputError("bad: scan")

    with pytest.raises(InputError, match="bad: scan"):
        write_cohort(tmp_path / "c", broken())
    with pytest.raises(InputError, match="not a cohort"):
        Cohort.open(tmp_path / "c")


def test_mixed_grids_are_refused(tmp_path):
    other = heart("two", images=np.zeros((3, 2, 9, 9), np.uint8), masks=None)
    with pytest.raises(InputError, match=r"two: shape \(3, 2, 9, 9\) for images.npy; expected \(slices, 2, 8, 8\)"):
        write_cohort(tmp_path, [heart("one", masks=None), other])
    with pytest.raises(InputError, match="two: nothing for masks.npy"):
        write_cohort(tmp_path, [heart("one"), heart("two", masks=None)])
    with pytest.raises(InputError, match="one: images of type float64; a cohort holds uint8"):
        write_cohort(tmp_path, [heart("one", images=np.ones((3, 2, 8, 8)))])
    assert not list(tmp_path.iterdir())


def test_a_subject_comes_back_from_its_cohort_without_masks_where_there_were_none(tmp_path):
    rng = np.random.default_rng(0)
    subject = heart(images=rng.integers(0, 255, (3, 2, 8, 8), dtype=np.uint8), masks=None, extra={"split": "test", "group": "HCM"})
    write_cohort(tmp_path, [heart("other", masks=None), subject])
    back = Cohort.open(tmp_path).subject("one")
    assert np.array_equal(back.images, subject.images) and back.masks is None
    assert (back.edv_ml, back.slice_gap_mm, back.spacing_mm, back.extra) == (100.0, 8.0, (1.0, 1.0), {"split": "test", "group": "HCM"})
    with pytest.raises(InputError, match="without masks"):
        Cohort.open(tmp_path).masks()


def rewritten(folder, old, new):
    (folder / "subjects.csv").write_text((folder / "subjects.csv").read_text().replace(old, new))


def other_masks(folder):
    np.save(folder / "masks.npy", np.zeros((9, 2, 8, 8), np.uint8))


def other_grid(folder):
    np.save(folder / "masks.npy", np.zeros((6, 2, 8, 9), np.uint8))


def fewer_rows(folder):
    lines = (folder / "subjects.csv").read_text().splitlines()
    (folder / "subjects.csv").write_text("\n".join([lines[0], lines[2]]))


@pytest.mark.parametrize("damage, message", [
    (other_masks, r"subjects.csv has 6 slices, but images.npy \(6, 2, 8, 8\) and masks.npy \(9, 2, 8, 8\); they do not belong together"),
    (other_grid, r"subjects.csv has 6 slices, but images.npy \(6, 2, 8, 8\) and masks.npy \(6, 2, 8, 9\); they do not belong together"),
    (fewer_rows, r"subjects.csv has 3 slices, but images.npy \(6, 2, 8, 8\)"),
    (lambda folder: (folder / "images.npy").unlink(), "images.npy: missing, though subjects.csv is there"),
    (lambda folder: (folder / "images.npy").write_bytes(b""), "images.npy: damaged"),
    (lambda folder: (folder / "subjects.csv").write_text(""), "subjects.csv: no table of subjects"),
    (lambda folder: (folder / "subjects.csv").write_text("id,ef\n1,50\n"), r"subjects.csv: no table of subjects \(no column source, edv_ml"),
    (lambda folder: rewritten(folder, "two", "one"), r"subjects.csv: no table of subjects \(.* a name stands there twice"),
    (lambda folder: rewritten(folder, "40.0", "forty"), r"subjects.csv: no table of subjects \(could not convert"),
    (lambda folder: np.save(folder / "masks.npy", np.zeros((6, 2, 8, 8))), r"masks.npy: damaged \(not an array .* of 8-bit numbers\)"),
])  # fmt: skip
def test_parts_that_do_not_belong_together_are_no_cohort(tmp_path, damage, message):
    write_cohort(tmp_path, [heart("one"), heart("two")])
    damage(tmp_path)
    with pytest.raises(InputError, match=message):
        Cohort.open(tmp_path)
