import numpy as np
import pydicom
import pytest
from scipy import ndimage

from cardiosynth.data.readers.dicom import read_placed, read_series
from cardiosynth.study.errors import InputError
from dicom_files import SPACING_MM, edit, heart, write_series


@pytest.fixture
def files(tmp_path):
    return write_series(tmp_path / "series")


def move(path, rows, columns, pixels=True):
    """Move a file's field of view by pixels; the heart stays where it is in the patient, so it moves the other way in the image."""
    image = pydicom.dcmread(path)
    axes = np.array(image.ImageOrientationPatient, float)
    origin = np.array(image.ImagePositionPatient, float) + rows * SPACING_MM[0] * axes[3:] + columns * SPACING_MM[1] * axes[:3]
    image.ImagePositionPatient = [f"{value:.6f}" for value in origin]
    if pixels:
        stored = np.frombuffer(image.PixelData, "<u2").reshape(image.Rows, image.Columns)
        image.PixelData = ndimage.shift(stored, (-rows, -columns), order=0, mode="nearest").tobytes()
    image.save_as(path)


def test_slices_whose_field_of_view_moved_come_into_register(files):
    plain = read_series(files, "cone").frames
    for path in files[2:4] + files[6:8]:
        move(path, 4, -6)
    cine, places = read_placed(files, "cone")
    assert cine.mended == ("2 slices moved by up to 9.6 mm in the plane to where ImagePositionPatient puts them",)  # hypot(6, 7.5)
    assert [places[path].shift_px for path in files[::2]] == [(0, 0), (4, -6), (0, 0), (4, -6), (0, 0)]
    assert np.array_equal(cine.frames[:, :, 4:, :-6], plain[:, :, 4:, :-6])
    assert not cine.frames[1, :, :4].any() and not cine.frames[1, :, :, -6:].any()


def test_half_a_pixel_is_no_move_and_nothing_changes(files):
    plain = read_series(files, "cone").frames
    for number, path in enumerate(files):
        move(path, 0.4 * (number // 2 % 2), 0.49 * (number % 2), pixels=False)
    cine = read_series(files, "cone")
    assert np.array_equal(cine.frames, plain) and cine.mended == ()


def test_one_phase_that_moved_is_moved_alone(files):
    plain = read_series(files, "cone").frames
    move(files[5], 0, 3)
    cine = read_series(files, "cone")
    assert np.array_equal(cine.frames[:, :, :, 3:], plain[:, :, :, 3:]) and "1 slice moved by up to 3.8 mm" in cine.mended[0]


def test_a_slice_with_a_finer_matrix_is_not_stacked_by_pixel(files):
    for path in files[:2]:
        edit(path, PixelSpacing=["0.75", "0.75"])
    cine = read_series(files, "cone")
    assert len(cine.frames) == 4 and "1 stray slice of another pixel size left out" in cine.mended and len(cine.doubts) == 1


def test_a_slice_far_beside_the_others_is_refused(files):
    move(files[0], 0, 30, pixels=False)
    with pytest.raises(InputError, match=r"cone: the slice of IM-0001-0001.dcm lies 38 mm beside the others in the plane"):
        read_series(files, "cone")


def test_a_heart_of_moved_slices_is_that_of_the_others(files):
    """The middle of the bright blood is where it was drawn in every slice."""
    for path in files[:6]:
        move(path, -3, 5)
    frames = read_series(files, "cone").frames
    middles = np.array([ndimage.center_of_mass(image > image.max() - 100) for image in frames[:, 0]])
    expected = np.array([ndimage.center_of_mass(mask == 3) for mask in heart().masks[:, 0]])
    assert np.ptp(middles - expected, axis=0) == pytest.approx([0, 0], abs=0.01)
