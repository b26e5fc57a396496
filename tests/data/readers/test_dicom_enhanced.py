import numpy as np
import pydicom
import pytest

from cardiosynth.data.readers.dicom import read_series
from cardiosynth.study.errors import InputError
from dicom_files import GAP_MM, SPACING_MM, enhanced, write_series

LEGACY = "1.2.840.10008.5.1.4.1.1.4.4"


@pytest.fixture
def files(tmp_path):
    return write_series(tmp_path / "series")


TIMES = ["NominalCardiacTriggerDelayTime", "ActualCardiacTriggerDelayTime", "TemporalPositionIndex", "TriggerTime"]


@pytest.mark.parametrize("time", TIMES)
def test_one_file_holds_the_cine_in_any_order(files, tmp_path, time):
    single = read_series(files, "cone")
    order = np.random.default_rng(3).permutation(len(files))
    sop_class = LEGACY if time == "TriggerTime" else "1.2.840.10008.5.1.4.1.1.4.1"
    many = read_series([enhanced(tmp_path / "many.dcm", files, sop_class, order, time)], "cone")
    assert np.array_equal(many.frames, single.frames) and many.positions_mm == pytest.approx(single.positions_mm)
    assert (many.spacing_mm, many.slice_gap_mm, many.mended) == (SPACING_MM, pytest.approx(GAP_MM), ())


def test_without_times_the_order_in_the_file_counts(files, tmp_path):
    single = read_series(files, "cone").frames
    assert np.array_equal(read_series([enhanced(tmp_path / "many.dcm", files, time=None)], "cone").frames, single)
    back = read_series([enhanced(tmp_path / "back.dcm", files, time=None, order=range(9, -1, -1))], "cone")
    assert np.array_equal(back.frames, single[:, ::-1])


def test_one_file_for_each_slice_or_each_phase(files, tmp_path):
    single = read_series(files, "cone").frames
    slices = [enhanced(tmp_path / f"slice{row}", files[2 * row : 2 * row + 2], SOPInstanceUID=f"1.2.{row}") for row in range(5)]
    phases = [enhanced(tmp_path / f"phase{phase}", files[phase::2], SOPInstanceUID=f"1.3.{phase}") for phase in range(2)]
    assert np.array_equal(read_series(slices[::-1], "cone").frames, single)
    assert np.array_equal(read_series(phases[::-1], "cone").frames, single)


def test_a_copy_of_the_file_is_left_out(files, tmp_path):
    paths = [enhanced(tmp_path / name, files) for name in ("a.dcm", "b.dcm")]
    assert read_series(paths, "cone").mended == ("1 copy of files left out",)


def without_groups(image):
    del image.PerFrameFunctionalGroupsSequence


def a_group_short(image):
    image.PerFrameFunctionalGroupsSequence = image.PerFrameFunctionalGroupsSequence[:-1]


def no_position(image):
    del image.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence


def odd_slope(image):
    image.PerFrameFunctionalGroupsSequence[3].PixelValueTransformationSequence[0].RescaleSlope = "0"


def two_at_one_time(image):
    for item in image.PerFrameFunctionalGroupsSequence:
        item.CardiacSynchronizationSequence[0].NominalCardiacTriggerDelayTime = 0.0
        item.PlanePositionSequence = image.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence


BAD = [
    (without_groups, r"NumberOfFrames is 10, and the functional groups are those of 0 images"),
    (a_group_short, r"NumberOfFrames is 10, and the functional groups are those of 9 images"),
    (lambda image: setattr(image, "NumberOfFrames", 0), r"NumberOfFrames is 0"),
    (no_position, r"ImagePositionPatient is absent, so the scan's geometry is unknown; export the scan with this tag"),
    (odd_slope, r"RescaleSlope is 0"),
    (lambda image: setattr(image, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2.1"), r"holds no MR images, only 1 Enhanced CT Image"),
    (lambda image: setattr(image, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.4"), r"holds 10 images as MR Image Storage; expected one image in a file"),
    (lambda image: setattr(image, "PixelData", image.PixelData[:3840]), r"holds 3840 bytes of pixels where .* of 10 images need 38400"),
    (two_at_one_time, r"one slice location only"),
]


@pytest.mark.parametrize("damage, message", BAD)
def test_each_kind_of_damage_gets_one_sentence(files, tmp_path, damage, message):
    path = enhanced(tmp_path / "many.dcm", files)
    image = pydicom.dcmread(path)
    damage(image)
    image.save_as(path)
    with pytest.raises(InputError, match=message) as caught:
        read_series([path], "cone")
    assert "\n" not in str(caught.value)
