"""What orders the frames of a slice, and what is doubted about their order."""

import numpy as np
import pydicom
import pytest

from cardiosynth.study.errors import InputError
from dicom_files import edit, enhanced, shift
from dicom_mixtures import PHASES, STEP_MS, write
from dicom_reading import read

pytestmark = pytest.mark.slow

RUN = "trigger times run against the instance numbers, so phases may be exchanged"
LATE = "trigger times begin more than 2 frames earlier or later in the cycle than in the others, so phases may be exchanged"


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "cine", slices=4)


def each(files, tags):
    for row, phase in np.ndindex(files.shape):
        edit(files[row, phase], **tags(row, phase))


def half_turned(row, phase):
    return {"TriggerTime": str((phase + 3) % PHASES * STEP_MS)} if row % 2 else {}


def part_missing(row, phase):
    return {"TriggerTime": None} if (row, phase) == (2, 3) else {}


def half_late(row, phase):
    return {"TriggerTime": str(phase * STEP_MS + 150 * (row % 2))}


def numbers_repeat(row, phase):
    return {"InstanceNumber": phase // 2 + 1}


DOUBTED = [
    (half_turned, f"in 2 slices {RUN}"),
    (half_late, f"in 2 slices {LATE}"),
    (part_missing, "in 1 slice trigger times are missing in part, and other tags order the frames, so phases may be exchanged"),
    (numbers_repeat, "in 4 slices instance numbers repeat though times differ, so two acquisitions may be mixed"),
]


@pytest.mark.parametrize("tags, doubt", DOUBTED)
def test_what_speaks_against_the_order_is_doubted(files, tmp_path, tags, doubt):
    each(files, tags)
    assert read(tmp_path).doubts == (doubt,)


SOUND = [
    lambda row, phase: {"TriggerTime": str(phase * STEP_MS + row * 1000)},  # running on from slice to slice
    lambda row, phase: {"TriggerTime": str(phase * (STEP_MS + 5 * row) + 20)},  # another heart rate in each slice
    lambda row, phase: {"InstanceNumber": phase * 4 + row + 1},
    lambda row, phase: {"InstanceNumber": 1},
]


@pytest.mark.parametrize("tags", SOUND)
def test_what_is_usual_is_not_doubted(files, tmp_path, tags):
    once = read(tmp_path)
    each(files, tags)
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.doubts == ()


LESSER = [("TemporalPositionIdentifier", lambda row, phase: PHASES - phase, 0), ("AcquisitionTime", lambda row, phase: f"12000{PHASES - phase}.5", 1)]


@pytest.mark.parametrize("number", [None, 1])
@pytest.mark.parametrize("key, value, doubts", LESSER)
def test_without_trigger_times_and_numbers_other_tags_order_the_frames(files, tmp_path, key, value, doubts, number):
    once = read(tmp_path)
    each(files, lambda row, phase: {"TriggerTime": None, "InstanceNumber": number, key: value(row, phase)})
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames[:, ::-1]) and len(cine.doubts) == doubts


def test_frames_that_nothing_orders_are_refused_as_such(files, tmp_path):
    each(files, lambda row, phase: {"TriggerTime": None, "InstanceNumber": 1})
    with pytest.raises(InputError, match=r"nothing tells the order of the 6 frames at one slice \(like cine/IM-0001-0001.dcm\)"):
        read(tmp_path)


def dimensions(path):
    """Give each image of an enhanced file its DimensionIndexValues: place, and time by its brightness."""
    image = pydicom.dcmread(path)
    stored = np.frombuffer(image.PixelData, "<u2").reshape(image.NumberOfFrames, -1)[:, 0]
    for item, value in zip(image.PerFrameFunctionalGroupsSequence, stored):
        scale, content = item.PixelValueTransformationSequence[0], pydicom.Dataset()
        content.DimensionIndexValues = [1, round(float(scale.RescaleSlope) * int(value) + float(scale.RescaleIntercept))]
        item.FrameContentSequence = [content]
    image.save_as(path)


def test_dimensions_order_an_enhanced_file_without_times(files, tmp_path):
    once = read(tmp_path)
    path = enhanced(tmp_path / "many" / "many.dcm", files.ravel(), order=np.random.default_rng(5).permutation(files.size), time=None)
    dimensions(path)
    assert np.array_equal(read(path.parent).frames, once.frames)


def test_enhanced_files_of_one_phase_each_go_by_their_numbers(files, tmp_path):
    once = read(tmp_path)
    for phase in range(PHASES):
        enhanced(tmp_path / "many" / f"{PHASES - phase}.dcm", files[:, phase], time=None, SOPInstanceUID=f"1.{phase}", InstanceNumber=phase + 1)
    assert np.array_equal(read(tmp_path / "many").frames, once.frames)


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("same_number", [True, False])
def test_a_series_for_each_phase_is_one_cine(tmp_path, timed, same_number):
    files = write(tmp_path / "cine", slices=4, phases=12)
    once = read(tmp_path)
    for row, phase in np.ndindex(files.shape):
        edit(
            files[row, phase],
            SeriesInstanceUID=f"1.2.{phase}",
            SeriesNumber=1 if same_number else phase + 1,
            InstanceNumber=row + 1,
            **({} if timed else {"TriggerTime": "0"}),
        )
        folder = tmp_path / "cine" / f"phase{phase + 1}"  # unpadded: phase10 before phase2
        folder.mkdir(exist_ok=True)
        files[row, phase].rename(folder / files[row, phase].name)
    cine = read(tmp_path)
    how = "times" if timed else "series and folders, as no times tell it"
    assert np.array_equal(cine.frames, once.frames)
    assert cine.doubts == (f"12 series of single images joined as the phases of one cine, in the order of their {how}",)


def test_another_number_of_frames_is_no_incomplete_download_unless_one_is_missing(files, tmp_path):
    files[2, 5].unlink()
    each(files[2:3, :5], lambda row, phase: {"TriggerTime": str(phase * 60)})
    with pytest.raises(InputError, match=r"slices were taken with different numbers of frames \(5 and 6\)") as caught:
        read(tmp_path)
    assert "download" not in str(caught.value)
    files[2, 3].unlink()
    with pytest.raises(InputError, match=r"4 where 6 are usual; is the download complete\?"):
        read(tmp_path)


@pytest.mark.parametrize("phases", [range(1, 6, 2), range(4, 6)])
def test_frames_of_one_slice_may_wobble_below_a_millimetre(files, tmp_path, phases):
    once = read(tmp_path)
    for path in files[:, phases].ravel():
        shift(path, 0.8)
    cine = read(tmp_path)
    assert np.array_equal(cine.frames, once.frames) and cine.slice_gap_mm == pytest.approx(8.0)
