import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from cardiosynth.data.readers.dicom import read_placed, read_series
from cardiosynth.study.errors import InputError
from dicom_files import GAP_MM, SPACING_MM, blacken, edit, heart, shift, write_series
from dicom_reading import read


@pytest.fixture
def files(tmp_path):
    return write_series(tmp_path / "series")


def test_a_cine_comes_back_as_it_was_written(files):
    cine, places = read_placed(files, "cone")
    assert cine.frames == pytest.approx(heart().images, abs=0.05) and cine.mended == ()
    assert cine.spacing_mm == SPACING_MM and cine.slice_gap_mm == pytest.approx(GAP_MM)
    assert np.diff(cine.positions_mm) == pytest.approx([GAP_MM] * 4)
    assert [places[path] for path in files] == [(row, phase, (0, 0)) for row in range(5) for phase in range(2)]


def test_an_independent_reader_agrees(files):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in files[::2]])  # ED
    volume = reader.Execute()
    assert volume.GetSize() == (48, 40, 5)
    assert volume.GetSpacing() == pytest.approx((SPACING_MM[1], SPACING_MM[0], GAP_MM), abs=1e-4)
    assert sitk.GetArrayFromImage(volume) == pytest.approx(read(files[0].parent).frames[:, 0], abs=1e-3)


def test_two_exports_have_the_same_bytes_and_no_identity(files, tmp_path):
    again = write_series(tmp_path / "again")
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]
    image = pydicom.dcmread(files[0])
    assert (image.PatientID, image.PatientName, image.PatientBirthDate, image.StudyDate) == ("cone", "", "", "")


def test_order_comes_from_geometry_and_trigger_time_alone(files):
    expected = read(files[0].parent).frames
    for number, path in enumerate(files):
        edit(path, InstanceNumber=100 - number, SliceLocation=str((number * 7) % 5), SliceThickness="3")
    shuffled = [files[at] for at in np.random.default_rng(1).permutation(len(files))]
    cine = read_series(shuffled, "cone")
    assert np.array_equal(cine.frames, expected) and cine.slice_gap_mm == pytest.approx(GAP_MM)


def test_without_trigger_times_the_instance_numbers_order_the_frames(files):
    expected = read(files[0].parent).frames
    for number, path in enumerate(files):
        edit(path, TriggerTime=None, InstanceNumber=100 - number)
    assert np.array_equal(read(files[0].parent).frames, expected[:, ::-1])


def test_the_apex_is_left_front_and_foot_of_the_base_whichever_way_the_normal_points(files):
    """Mirrored columns turn the normal around but not the patient."""
    expected = read(files[0].parent)
    for path in files:
        axes = np.array(pydicom.dcmread(path).ImageOrientationPatient, float)
        edit(path, ImageOrientationPatient=[f"{value:.6f}" for value in (*axes[:3], *-axes[3:])])
    turned = read(files[0].parent)
    assert np.array_equal(turned.frames, expected.frames) and turned.positions_mm == pytest.approx(expected.positions_mm, abs=1e-3)
    for path in files:
        edit(path, ImageOrientationPatient=["1", "0", "0", "0", "0.64", "0.77"])
    assert "base and apex may be exchanged" in read(files[0].parent).doubts[0]


def repeat(folder, rows, by=0.0):
    """A later series of some slices, brighter, ``by`` mm further on."""
    for path in write_series(folder / "zz", series=301):
        image = pydicom.dcmread(path)
        if (image.InstanceNumber - 1) // 2 in rows:
            edit(path, RescaleIntercept=str(float(image.RescaleIntercept) + 1000))
            shift(path, by)
        else:
            path.unlink()


@pytest.mark.parametrize("by, phrase", [(0.0, "2 repeated slice locations"), (2.0, "2 nearly repeated slice locations")])
def test_of_repeated_locations_the_last_series_is_kept(tmp_path, by, phrase):
    write_series(tmp_path / "series", slices=9)
    once = read(tmp_path)
    repeat(tmp_path / "series", rows=(1, 3), by=by)
    cine = read(tmp_path)
    assert cine.mended == (f"{phrase}: last series kept",) and cine.frames.shape == once.frames.shape
    later = cine.frames.mean(axis=(1, 2, 3)) > once.frames.mean(axis=(1, 2, 3)) + 500
    assert later.nonzero()[0].tolist() == [1, 3]
    assert cine.slice_gap_mm == pytest.approx(GAP_MM)


def test_a_repeat_that_broke_off_is_not_kept(files, tmp_path):
    once = read(tmp_path)
    repeat(tmp_path / "series", rows=(2,))
    next((tmp_path / "series" / "zz").glob("*06.dcm")).unlink()
    assert np.array_equal(read(tmp_path).frames, once.frames)


def stray(folder, at_mm, slices=1, frames=2, **tags):
    """A later series of ``slices`` slices, ``at_mm`` further on than the first, with other tags."""
    for path in write_series(folder, slices=slices, series=7):
        if frames == 1 and pydicom.dcmread(path).InstanceNumber % 2:
            path.unlink()
        else:
            edit(path, **tags)
            shift(path, at_mm)


LONG_AXIS = {"ImageOrientationPatient": ["1", "0", "0", "0", "0", "-1"]}
FINER = {"PixelSpacing": ["1", "1"]}


def test_long_axes_and_localisers_are_left_out_however_many_they_are(files, tmp_path):
    once = read(tmp_path)
    for number, axes in enumerate(([1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 1, 0])):
        stray(tmp_path / f"view{number}", 0, slices=2, ImageOrientationPatient=axes)
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.doubts == ()
    assert cine.mended == ("6 slices of another view (localiser or long axis) left out",)


def test_single_images_beside_a_cine_are_left_out(files, tmp_path):
    once = read(tmp_path)
    stray(tmp_path / "late", 0, slices=5, frames=1, **FINER)
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.mended == ("5 single images beside the cine left out",)


def test_a_stray_slice_is_left_out_and_a_stack_that_it_may_shorten_is_doubted(files, tmp_path):
    once = read(tmp_path)
    stray(tmp_path / "stray", 2 * GAP_MM, **FINER)
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.doubts == ()
    assert cine.mended == ("1 stray slice of another pixel size left out",)
    for path in (tmp_path / "stray").iterdir():
        shift(path, 3 * GAP_MM)
    assert read(tmp_path).doubts == (
        "1 stray slice left out beyond the end of the stack (like stray/IM-0001-0001.dcm), so the stack may be too short",
    )


def test_a_hole_that_a_stray_slice_leaves_is_no_incomplete_download(files, tmp_path):
    for path in files[4:6]:
        edit(path, **FINER)
    with pytest.raises(InputError, match=r"a slice is missing .*; series/IM-0001-0005.dcm lies there, but differs in") as caught:
        read(tmp_path)
    assert "download" not in str(caught.value)


def test_a_folder_for_each_phase_is_one_acquisition(files, tmp_path):
    once = read(tmp_path)
    for number, path in enumerate(files):
        folder = tmp_path / f"phase{number % 2}"
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.mended == ()


def test_what_hardly_can_differ_between_files_is_doubted(files, tmp_path):
    edit(files[4], TriggerTime="900")
    edit(files[0], BitsStored=15, HighBit=14)
    by_number, by_format = sorted(read(tmp_path).doubts)
    assert by_number == "in 1 slice trigger times run against the instance numbers, so phases may be exchanged"
    assert by_format == (
        "pixels stored in more than one way: 9 images with BitsStored 16 and PixelRepresentation 0, "
        "1 image with BitsStored 15 and PixelRepresentation 0"
    )


def a_slice_missing(files):
    for path in files[4:6]:
        path.unlink()


def two_planes_mixed(files):
    for path in write_series(files[0].parent / "other", slices=3):
        edit(path, PixelSpacing=["2", "2"])


def two_stacks_mixed(files):
    for path in write_series(files[0].parent / "other", slices=4, series=301):
        shift(path, 4.0)


def many_near_repeats(files):
    repeat(files[0].parent, rows=(1, 3), by=2.0)


def two_stacks_in_one_series(files):
    for path in write_series(files[0].parent / "other", name="other"):
        edit(path, PatientID="cone")
        path.rename(files[0].parent / f"x{path.name}")
    for path in files[0].parent.glob("*.dcm"):
        edit(path, SeriesInstanceUID="1.2.3")


def all_black(files):
    for path in files:
        blacken(path)


def truncated(files):
    files[3].write_bytes(files[3].read_bytes()[:-200])


def cut_in_the_header(files):
    files[3].write_bytes(files[3].read_bytes()[:500])


def two_frames_in_one(files):
    image = pydicom.dcmread(files[3])
    image.NumberOfFrames, image.PixelData = 2, image.PixelData * 2
    image.save_as(files[3])


BAD = [
    (a_slice_missing, r"a slice is missing between -?[\d.]+ mm and [\d.]+ mm along the stack \(16.0 mm apart where 8.0 mm is usual\)"),
    (two_planes_mixed, r"holds two acquisitions mixed \(5 slices like series/IM-0001-0001.dcm and 3 slices like other/IM-0001-0001.dcm"),
    (two_stacks_mixed, r"holds two acquisitions mixed \(series 300 with 5 slices and series 301 with 4 slices between them\)"),
    (many_near_repeats, r"holds two acquisitions mixed \(2 slices lie much closer to the next than the median of"),
    (two_stacks_in_one_series, r"holds two acquisitions mixed \(series/IM-0001-0001.dcm is one of 4 frames at one slice with 2 values"),
    (all_black, r"every pixel is 0, so the scan is empty"),
    (lambda files: files[5].unlink(), r"another number of frames, first at 16.0 mm \(series/IM-0001-0005.dcm\): 1 where 2"),
    (lambda files: edit(files[3], PixelSpacing=["0", "0"]), r"IM-0001-0004.dcm: PixelSpacing is 0, 0; expected two positive numbers"),
    (lambda files: edit(files[3], PixelSpacing=None), r"IM-0001-0004.dcm: PixelSpacing is absent"),
    (lambda files: edit(files[3], ImagePositionPatient=None), r"IM-0001-0004.dcm: ImagePositionPatient is absent"),
    (lambda files: edit(files[3], ImageOrientationPatient=["1", "0", "0", "1", "0", "0"]), r"expected two unit vectors at right angles"),
    (truncated, r"IM-0001-0004.dcm: the file ends after 3640 of 3840 bytes of its pixels; is the download complete\?"),
    (cut_in_the_header, r"IM-0001-0004.dcm: PixelSpacing is absent, .* the file ends before its pixels; is the download complete\?"),
    (two_frames_in_one, r"IM-0001-0004.dcm: holds 2 images as MR Image Storage; expected one image in a file"),
    (lambda files: files[3].write_text("not an image"), r"IM-0001-0004.dcm: cannot be read as DICOM"),
    (lambda files: [path.unlink() for path in files], r"cone: no DICOM files"),
    (lambda files: [path.unlink() for path in files[2:]], r"cone: one slice location only"),
]


@pytest.mark.parametrize("damage, message", BAD)
def test_each_kind_of_damage_gets_one_sentence(files, tmp_path, damage, message):
    damage(files)
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)
