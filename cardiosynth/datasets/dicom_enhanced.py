"""Enhanced multi-frame MR: many images in one file, each with its place and time in the functional groups.

What holds for all images stands in the shared groups, what differs in those of each frame. The frames may stand in any order.
"""

from pathlib import Path

import pydicom

from cardiosynth.datasets.dicom_frame import Frame, optional, placed, rescale_of, whole
from cardiosynth.errors import InputError

DELAYS = ("NominalCardiacTriggerDelayTime", "ActualCardiacTriggerDelayTime")


def enhanced_frames(path: Path, order: int, tags: pydicom.Dataset) -> list[Frame]:
    """The images of an enhanced file. Raises InputError naming the file and what is absent or cannot be true."""
    shared, each = (tags.get(key) or [] for key in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"))
    count = whole(tags, "NumberOfFrames")
    if count < 1 or len(each) != count:
        raise InputError(f"{path}: NumberOfFrames is {tags.get('NumberOfFrames')}, and the functional groups are those of {len(each)} "
                         "images; expected one group for each image of an enhanced multi-frame file")
    return [_frame(path, order, tags, at, [own, *shared]) for at, own in enumerate(each)]


def _frame(path: Path, order: int, tags: pydicom.Dataset, at: int, groups: list) -> Frame:
    position, orientation, measures = (_group(groups, f"{name}Sequence") for name in ("PlanePosition", "PlaneOrientation", "PixelMeasures"))
    moment = whole(_group(groups, "FrameContentSequence"), "TemporalPositionIndex")
    rescale = rescale_of(path, _group(groups, "PixelValueTransformationSequence"))
    return placed(path, order, tags, position, orientation, measures, _time(groups), moment or at + 1, at=at, rescale=rescale)


def _group(groups: list, key: str) -> pydicom.Dataset:
    """The group of that name, the frame's own before the shared one; empty where there is none."""
    return next((found[0] for group in groups if (found := group.get(key))), pydicom.Dataset())


def _time(groups: list) -> float | None:
    """Milliseconds after the R wave. Files that were converted from single images keep their TriggerTime in a group of its own."""
    sync, kept = _group(groups, "CardiacSynchronizationSequence"), _group(groups, "UnassignedPerFrameConvertedAttributesSequence")
    times = [optional(sync, key) for key in DELAYS] + [optional(kept, "TriggerTime")]
    return next((time for time in times if time is not None), None)
