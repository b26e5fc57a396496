"""Written, found and read again: the same hearts, in ACDC's, M&Ms's and ukbb_cardiac's layout."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from cardiosynth.data import phantom
from cardiosynth.data.readers import acdc, mnms, ukbb
from cardiosynth.data.subject import Subject
from cardiosynth.data.writers import to_acdc, to_mnms, to_ukbb
from cardiosynth.study.errors import InputError

LAYOUTS = {"acdc": (to_acdc, acdc), "mnms": (to_mnms, mnms), "ukbb": (to_ukbb, ukbb)}
SPACING, GAP = (1.3, 1.7), 9.5  # row and column differ, as do height and width, so that a swapped axis shows


def half_ellipsoids(name, split, ed_mm=28.0, es_mm=20.0, dtype=np.int16):
    """LV and myocardium as half ellipsoids of 80 mm length, an RV disc beside them, base in the first slice."""
    rows, columns = (np.arange(n)[:, None] * s for n, s in ((72, SPACING[0]), (60, SPACING[1])))
    distance = np.hypot(rows - rows.mean() - 4, columns.T - columns.mean())
    beside = np.hypot(rows - rows.mean() - 4, columns.T - columns.mean() + 38)
    masks = np.zeros((8, 2, 72, 60), np.uint8)
    for phase, radius in enumerate((ed_mm, es_mm)):
        for z in range(8):
            shrink = np.sqrt(1 - (z * GAP / 80) ** 2)
            masks[z, phase][beside <= 14 * shrink] = 1
            masks[z, phase][distance <= (radius + 9) * shrink] = 2
            masks[z, phase][distance <= radius * shrink] = 3
    noise = np.random.default_rng(7).integers(0, 200, masks.shape)
    edv_ml, esv_ml = (2 / 3 * np.pi * radius**2 * 80 / 1000 for radius in (ed_mm, es_mm))  # not the voxels' sum
    return Subject(name, "shapes", (noise + 100 * masks).astype(dtype), masks, SPACING, GAP, edv_ml, esv_ml, {"split": split})


@pytest.fixture(scope="module")
def subjects():
    heart = phantom.subject("a", "test", 0, 4, 2022)
    return [
        half_ellipsoids("one", "train"),
        half_ellipsoids("two", "validation", 30, 25, np.uint8),
        half_ellipsoids("three", "extra_test", 25, 12, np.int64),
        replace(heart, extra=heart.extra | {"split": "test"}),
    ]


@pytest.fixture(autouse=True)
def salt(monkeypatch):
    monkeypatch.setenv("CARDIOSYNTH_SALT", "0123456789abcdef")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_written_is_read_again(layout, subjects, tmp_path):
    writer, reader = LAYOUTS[layout]
    rows = writer.write(tmp_path / "out", iter(subjects))
    found = {scan.id: scan for scan in reader.find(tmp_path / "out")}
    assert [row["id"] for row in rows] == [subject.id for subject in subjects]
    assert {row["exported_as"] for row in rows} == set(found)
    for row, subject in zip(rows, subjects):
        again = reader.read(found[row["exported_as"]])
        voxel_ml = np.prod(subject.spacing_mm) * subject.slice_gap_mm / 1000
        counted = [np.count_nonzero(subject.masks[:, phase] == 3) * voxel_ml for phase in range(2)]
        assert (row["edv_ml"], row["esv_ml"]) == pytest.approx(counted, abs=1e-6)
        assert (again.edv_ml, again.esv_ml) == pytest.approx(counted, abs=0.1)
        assert np.array_equal(again.masks, subject.masks) and np.array_equal(again.images, subject.images)
        assert (*again.spacing_mm, again.slice_gap_mm) == pytest.approx((*subject.spacing_mm, subject.slice_gap_mm), rel=1e-6)
        assert "mended" not in again.extra


@pytest.mark.parametrize(
    "layout, parts", [("acdc", ["train", "train", "test", "test"]), ("mnms", ["train", "validation", "test", "test"]), ("ukbb", ["train"] * 4)]
)
def test_the_split_decides_the_part(layout, parts, subjects, tmp_path):
    writer, reader = LAYOUTS[layout]
    rows = writer.write(tmp_path / "out", subjects)
    found = {scan.id: scan.part for scan in reader.find(tmp_path / "out")}
    assert [found[row["exported_as"]] for row in rows] == parts


@pytest.mark.parametrize(
    "layout, name, size, spacing",
    [
        ("acdc", "training/patient001/patient001_frame02", (60, 72, 8), None),
        ("mnms", "Training/Labeled/P00001/P00001_sa", (60, 72, 8, 2), (1.7, 1.3, 9.5, 1.0)),
        ("ukbb", "9000001/sa_ES", (60, 72, 8), (1.7, 1.3, 9.5)),
    ],
)
def test_another_reader_opens_the_same_file(layout, name, size, spacing, tmp_path):
    subject = half_ellipsoids("one", "train")
    LAYOUTS[layout][0].write(tmp_path / "out", [subject])
    image = sitk.ReadImage(str(tmp_path / "out" / f"{name}.nii.gz"))
    assert image.GetSize() == size
    assert spacing is None or image.GetSpacing() == pytest.approx(spacing, rel=1e-6)
    array = sitk.GetArrayFromImage(image)
    assert np.array_equal(array if array.ndim == 3 else array[1], subject.images[:, 1])


def test_acdcs_affine_is_wrong_on_purpose(tmp_path):
    to_acdc.write(tmp_path / "out", [half_ellipsoids("one", "train")])
    image = sitk.ReadImage(str(tmp_path / "out" / "training/patient001/patient001_frame01.nii.gz"))
    assert image.GetMetaData("srow_x").split()[0] == "-1" and float(image.GetMetaData("pixdim[1]")) == pytest.approx(1.7)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_subject_without_masks_and_a_full_folder_are_refused(layout, tmp_path):
    writer, subject = LAYOUTS[layout][0], half_ellipsoids("one", "train")
    with pytest.raises(InputError, match="one: no masks, and the .* layout has a mask for each image"):
        writer.write(tmp_path / "out", [replace(subject, masks=None)])
    writer.write(tmp_path / "again", [subject])
    with pytest.raises(InputError, match="again: not an empty folder; name a new one"):
        writer.write(tmp_path / "again", [subject])
