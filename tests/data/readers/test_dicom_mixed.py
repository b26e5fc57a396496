"""Folders in which images of several kinds, acquisitions or patients lie together, with five slices of six frames."""

import numpy as np
import pydicom
import pytest

from cardiosynth.study.errors import InputError
from dicom_files import GAP_MM, blacken, edit, enhanced, shift
from dicom_mixtures import write
from dicom_reading import read

pytestmark = pytest.mark.slow

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "cine")


def at(files, gaps):
    """Move slices to where the gaps (mm) put them."""
    for row, mm in enumerate(np.cumsum([0, *gaps]) - GAP_MM * np.arange(len(files))):
        for path in files[row]:
            shift(path, mm)


def test_of_uneven_slices_the_mean_distance_counts_and_is_said(files, tmp_path):
    at(files, [6.2, 6.2, 9, 9])
    cine = read(tmp_path)
    assert cine.slice_gap_mm == pytest.approx(7.6, abs=1e-3)
    assert cine.doubts == ("slices lie unevenly, 6.2 to 9.0 mm apart; the mean of 7.60 mm is used for all",)


def test_holes_in_every_second_place_are_holes(files, tmp_path):
    at(files, [8, 16, 8, 16])
    with pytest.raises(InputError, match=r"a slice is missing between .* \(16.0 mm apart where 8.0 mm is usual\)"):
        read(tmp_path)


def test_a_close_slice_without_which_there_is_a_hole_or_a_shorter_stack_is_kept(files, tmp_path):
    at(files, [8, 8, 8, 4.2])
    cine = read(tmp_path)
    assert len(cine.frames) == 5 and cine.slice_gap_mm == pytest.approx(28.2 / 4, abs=1e-3) and len(cine.doubts) == 1


def test_of_a_close_pair_the_one_that_fills_a_hole_is_kept(files, tmp_path):
    at(files, [9, 11, 8, 8])
    once = read(tmp_path)
    again = write(tmp_path / "z", series=301, by=4.2, brighter=500)
    for path in np.delete(again, 1, axis=0).ravel():
        path.unlink()
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.slice_gap_mm == pytest.approx(9, abs=1e-3)
    assert cine.mended == ("1 nearly repeated slice location: last series kept but for 1, whose earlier fills a hole",)


@pytest.mark.parametrize("rows", [range(5), range(3, 5)])
def test_two_patients_in_a_folder_are_refused_and_not_named(files, tmp_path, rows):
    for path in files[list(rows)].ravel():
        (tmp_path / "b").mkdir(exist_ok=True)
        path.rename(tmp_path / "b" / path.name)
        edit(tmp_path / "b" / path.name, PatientID="SECRET")
    if len(rows) == 5:
        write(tmp_path / "cine", by=5 * GAP_MM)
    with pytest.raises(InputError, match=r"holds images of 2 patients by their PatientID \(like .*/IM-0001-00\d\d.dcm and ") as caught:
        read(tmp_path)
    assert "SECRET" not in str(caught.value)


def test_two_studies_are_doubted_and_none_is_no_study(files, tmp_path):
    edit(files[0, 0], StudyInstanceUID="", PatientID="")
    assert read(tmp_path).doubts == ()
    for path in files[3:].ravel():
        edit(path, StudyInstanceUID="1.2.3")
    assert read(tmp_path).doubts == (
        "images of 2 studies by their StudyInstanceUID (like cine/IM-0001-0002.dcm and cine/IM-0001-0019.dcm), so two scans may be mixed",
    )


PARTS = [
    ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, "phase images"),
    ({"ComplexImageComponent": "REAL"}, "real parts"),
    ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "derived images"),
    ({"BurnedInAnnotation": "YES"}, "annotated images"),
]


@pytest.mark.parametrize("series", [300, 301])
@pytest.mark.parametrize("tags, what", PARTS)
def test_phase_images_and_what_was_derived_are_not_taken_for_the_cine(files, tmp_path, tags, what, series):
    once = read(tmp_path)
    for number, path in enumerate(write(tmp_path / "cine" / "other", series=series, brighter=500, **tags).ravel()):
        edit(path, SOPInstanceUID=f"1.2.{number}")
        path.rename(tmp_path / "cine" / f"Z{number}.dcm")  # one folder
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.mended == (f"5 repeated slice locations: {what} left out",)


@pytest.mark.parametrize("tags, what", PARTS)
def test_where_there_is_nothing_else_they_are_read(files, tmp_path, tags, what):
    once = read(tmp_path)
    for path in files.ravel():
        edit(path, **tags)
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.mended == () and cine.doubts == ()


def test_phase_images_in_an_enhanced_file_are_left_out(files, tmp_path):
    once = read(tmp_path)
    other = write(tmp_path / "other", brighter=500)
    path = enhanced(tmp_path / "many" / "many.dcm", [*files.ravel(), *other.ravel()])
    image = pydicom.dcmread(path)
    for number, item in enumerate(image.PerFrameFunctionalGroupsSequence):
        kind = pydicom.Dataset()
        kind.FrameType = ["ORIGINAL", "PRIMARY", "MP"[number >= 30], "NONE"]
        item.MRImageFrameTypeSequence = [kind]
    image.save_as(path)
    cine = read(path.parent)
    assert np.array_equal(cine.frames, once.frames) and cine.mended == ("5 repeated slice locations: phase images left out",)


def test_of_many_repeats_the_choice_is_doubted_and_said_as_it_was(files, tmp_path):
    write(tmp_path / "z", series=301, brighter=500)
    assert read(tmp_path).doubts == ("5 repeated slice locations: last series kept",)
    write(tmp_path / "zz", series=302, slices=2, phases=9)
    assert set(read(tmp_path).doubts) == {"3 repeated slice locations: last series kept", "2 repeated slice locations: the one with 6 frames kept"}


@pytest.mark.parametrize("slices, by, beyond", [(5, 0, 0), (5, -2 * GAP_MM, 0), (5, 3.0, 0), (2, 5 * GAP_MM, 2)])
def test_late_enhancement_and_maps_beside_the_cine_are_left_out(files, tmp_path, slices, by, beyond):
    once = read(tmp_path)
    for series in (301, 302):
        write(tmp_path / f"late{series}", slices=slices, phases=1, series=series, by=by, brighter=series)
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.mended == (f"{2 * slices} single images beside the cine left out",)
    assert [doubt.startswith("2 stray slices left out beyond the end") for doubt in cine.doubts] == [True] * (beyond > 0)


@pytest.mark.parametrize("row, words", [(4, None), (2, "cine/IM-0001-0013.dcm lies there, but is of another kind (CT Image)")])
def test_objects_of_another_class_may_be_slices_of_the_stack(files, tmp_path, row, words):
    for path in files[row]:
        edit(path, SOPClassUID=CT)
    if words:
        with pytest.raises(InputError) as caught:
            read(tmp_path)
        assert words in str(caught.value) and "download" not in str(caught.value)
    else:
        assert read(tmp_path).doubts == (
            "1 stray slice left out beyond the end of the stack (like cine/IM-0001-0025.dcm), so the stack may be too short",
        )


def test_an_empty_image_is_named(files, tmp_path):
    blacken(files[2, 3])
    assert "1 image with every pixel alike (like cine/IM-0001-0016.dcm)" in read(tmp_path).doubts


@pytest.mark.parametrize("axes", [["1", "0", "0", "0", "1", "0"], ["0", "1", "0", "0", "0", "-1"]])
def test_slices_along_the_patients_axes_are_doubted(files, tmp_path, axes):
    normal = np.cross([float(part) for part in axes[:3]], [float(part) for part in axes[3:]])
    for row, phase in np.ndindex(files.shape):
        edit(files[row, phase], ImageOrientationPatient=axes, ImagePositionPatient=[str(part) for part in GAP_MM * row * normal])
    assert read(tmp_path).doubts == ("slices along the patient's axes, as no short axis lies, so base and apex may be exchanged",)
