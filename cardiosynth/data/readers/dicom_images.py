"""The images of a scan among its files: what is no image of it set aside, and each image once.

A file holds one image, or is enhanced multi-frame MR: many images in one file, each with its place and time in the functional
groups. What holds for all of them stands in the shared groups, what differs in those of each; they may stand in any order.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pydicom

from cardiosynth.data.readers.dicom_files import file_of, reading
from cardiosynth.data.readers.dicom_frame import Frame, Stray, frame_of, header, numbers, optional, placed, rescale_of, whole
from cardiosynth.data.readers.dicom_kinds import ENHANCED, class_of, contradicts_itself, counted, images_among, part_of, several
from cardiosynth.data.readers.dicom_pixels import pixels
from cardiosynth.study.errors import InputError

DELAYS = ("NominalCardiacTriggerDelayTime", "ActualCardiacTriggerDelayTime")


def images_of(paths: list[Path], name: str, mended: list[str], doubts: list[str]) -> tuple[list[Frame], list[tuple]]:
    """The MR images that the files hold, each once, and the objects of other kinds that know their place: (Stray, unit normal).

    What is set aside is added to ``mended``, what contradicts itself to ``doubts``. Raises InputError naming the scan where there are
    no images or those of several patients, or the file whose place or time cannot be read.
    """
    if not paths:
        raise InputError(f"{name}: no DICOM files; is the download complete?")
    orders = {path: order for order, path in enumerate(paths)}
    images, others = images_among([(path, header(path)) for path in orders], name, mended)
    if odd := sum(contradicts_itself(path, tags) for path, tags in images):
        doubts.append(
            f"{counted(odd, 'file')} with a PresentationLUTShape that contradicts MONOCHROME1 or 2, which is believed: "
            "bright and dark may be exchanged"
        )
    _refuse_two_patients(images, name, doubts)
    return _once([_frames(path, orders[path], tags) for path, tags in images], mended), _placed_others(others)


def _refuse_two_patients(images: list[tuple[Path, pydicom.Dataset]], name: str, doubts: list[str]) -> None:
    """Who was scanned is only compared, and never said."""
    patients, studies = (_first_files(images, key) for key in ("PatientID", "StudyInstanceUID"))
    if len(patients) > 1:
        raise InputError(
            f"{name}: holds images of {len(patients)} patients by their PatientID (like {_joined(patients)}); keep those of one in the folder"
        )
    if len(studies) > 1:
        doubts.append(f"images of {len(studies)} studies by their StudyInstanceUID (like {_joined(studies)}), so two scans may be mixed")


def _first_files(images: list[tuple[Path, pydicom.Dataset]], key: str) -> list[Path]:
    """One file for each value of a tag that is not empty."""
    files: dict[str, Path] = {}
    for path, tags in images:
        with reading(path):
            files.setdefault(str(tags.get(key) or "").strip(), path)
    return [path for value, path in files.items() if value]


def _joined(paths: list[Path]) -> str:
    return " and ".join(map(file_of, paths[:3]))


def _placed_others(others: list[tuple[Path, pydicom.Dataset, str]]) -> list[tuple[Stray, np.ndarray]]:
    """The objects that know their place, each with its unit normal."""
    strays = []
    for path, tags, what in others:
        with suppress(InputError):
            origin, axes = numbers(path, tags, "ImagePositionPatient", 3), numbers(path, tags, "ImageOrientationPatient", 6)
            normal = np.cross(axes[:3], axes[3:])
            strays.append((Stray(path, origin, f"is of another kind ({what or 'MR image'})"), normal / max(np.linalg.norm(normal), 1e-9)))
    return strays


def _frames(path: Path, order: int, tags: pydicom.Dataset) -> list[Frame]:
    with reading(path):
        return _enhanced(path, order, tags) if class_of(tags) in ENHANCED else [frame_of(path, order, tags)]


def _enhanced(path: Path, order: int, tags: pydicom.Dataset) -> list[Frame]:
    """The images of an enhanced file. Raises InputError naming the file and what is absent or cannot be true."""
    shared, each = (tags.get(key) or [] for key in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"))
    count = whole(tags, "NumberOfFrames")
    if count < 1 or len(each) != count:
        raise InputError(
            f"{path}: NumberOfFrames is {tags.get('NumberOfFrames')}, and the functional groups are those of {len(each)} "
            "images; expected one group for each image of an enhanced multi-frame file"
        )
    groups = [[own, *shared] for own in each]
    return [_frame(path, order, tags, at, own, number) for at, (own, number) in enumerate(zip(groups, _numbered(groups)))]


def _numbered(groups: list[list]) -> list[int]:
    """From 1: the images in the order of their dimensions, that is of their places and times, or as they stand in the file."""
    dimensions = [list(map(int, several(_group(own, "FrameContentSequence").get("DimensionIndexValues")))) for own in groups]
    places = sorted(range(len(groups)), key=lambda at: (dimensions[at], at))
    return (np.argsort(places) + 1).tolist()


def _frame(path: Path, order: int, tags: pydicom.Dataset, at: int, groups: list, number: int) -> Frame:
    position, orientation, measures = (_group(groups, f"{name}Sequence") for name in ("PlanePosition", "PlaneOrientation", "PixelMeasures"))
    moment = whole(_group(groups, "FrameContentSequence"), "TemporalPositionIndex")
    rescale = rescale_of(path, _group(groups, "PixelValueTransformationSequence"))
    return placed(
        path,
        order,
        tags,
        position,
        orientation,
        measures,
        _time(groups),
        moment or number,
        at=at,
        rescale=rescale,
        moments=(optional(tags, "InstanceNumber"), None, None),
        part=part_of(_group(groups, "MRImageFrameTypeSequence") or tags),
    )


def _group(groups: list, key: str) -> pydicom.Dataset:
    """The group of that name, the frame's own before the shared one; empty where there is none."""
    return next((items[0] for group in groups if (items := group.get(key))), pydicom.Dataset())


def _time(groups: list) -> float | None:
    """Milliseconds after the R wave. Files that were converted from single images keep their TriggerTime in a group of its own."""
    sync, kept = _group(groups, "CardiacSynchronizationSequence"), _group(groups, "UnassignedPerFrameConvertedAttributesSequence")
    times = [optional(sync, key) for key in DELAYS] + [optional(kept, "TriggerTime")]
    return next((time for time in times if time is not None), None)


def _once(files: list[list[Frame]], mended: list[str]) -> list[Frame]:
    """The frames of all files but the copies: equal in SOPInstanceUID, series, place and time, and in every pixel."""
    kept: dict[tuple, list[list[Frame]]] = {}
    copies = 0
    for frames in files:
        alike = kept.setdefault(tuple(map(_identity, frames)), [])
        if any(_same_pixels(frames, other) for other in alike):
            copies += 1
        else:
            alike.append(frames)
    if copies:
        mended.append(f"{counted(copies, 'copy')} of files left out")
    return [frame for alike in kept.values() for frames in alike for frame in frames]


def _identity(frame: Frame) -> tuple:
    number, _, series = frame.series
    return frame.uid, number, series, frame.origin, frame.axes, frame.shape, frame.spacing_mm, frame.time_ms, frame.instance


def _same_pixels(first: list[Frame], second: list[Frame]) -> bool:
    return all(np.array_equal(one, two) for one, two in zip(pixels(first[0].path, first), pixels(second[0].path, second)))
