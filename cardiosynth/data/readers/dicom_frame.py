"""One image of a cine, without its pixels: its geometry, its time, and no tag that says who was scanned."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pydicom

from cardiosynth.data.readers.dicom_files import brief, opened
from cardiosynth.data.readers.dicom_kinds import KIND_TAGS, class_of, part_of
from cardiosynth.study.errors import InputError

SAME_AXES, SAME_SPACING_MM = 0.02, 1e-3
FAR_MM = 1e5  # no part of a patient lies further from the scanner's middle
GROUPS = ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]
MOMENTS = ("TemporalPositionIdentifier", "AcquisitionTime", "ContentTime")  # what orders frames without trigger times and numbers
GEOMETRY = [
    *KIND_TAGS,
    "Columns",
    "NumberOfFrames",
    "PixelSpacing",
    "ImageOrientationPatient",
    "TriggerTime",
    "InstanceNumber",
    "SeriesNumber",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "BitsStored",
    "PixelRepresentation",
    "PatientID",
    "StudyInstanceUID",
    *MOMENTS,
    *GROUPS,
]


@dataclass(frozen=True)
class Frame:
    """What a file says of the place and time of one of its images.

    order: of its file among the scan's. at: of the image in its file, from 0. series orders acquisitions: SeriesNumber, folder,
    SeriesInstanceUID. rescale: (slope, intercept) where the file has them for each image, else None. bits: stored, and signed or not.
    moments: numbers of MOMENTS, None where absent. part: as ``part_of`` says.
    """

    path: Path
    order: int
    origin: tuple[float, ...]
    axes: tuple[float, ...]
    shape: tuple[int, int]
    spacing_mm: tuple[float, float]
    time_ms: float | None
    instance: int
    series: tuple
    uid: str = ""
    at: int = 0
    rescale: tuple[float, float] | None = None
    bits: tuple[int, int] = (0, 0)
    moments: tuple[float | None, ...] = (None, None, None)
    part: str = ""

    def on(self, direction) -> float:
        """Position (mm) along a direction."""
        return float(np.dot(self.origin, direction))

    @property
    def acquisition(self) -> tuple:
        """The series that it is of; folders count only where files have no SeriesInstanceUID."""
        return self.series[::2] if self.series[2] else self.series

    def same_axes(self, other: "Frame") -> bool:
        """Whether rows and columns of both run the same way."""
        return self.axes == other.axes or np.allclose(self.axes, other.axes, atol=SAME_AXES)

    def same_plane(self, other: "Frame") -> bool:
        """Whether both have one orientation, matrix and pixel size."""
        return self.shape == other.shape and self.same_axes(other) and self.same_spacing(other)

    def same_spacing(self, other: "Frame") -> bool:
        """Whether the pixels of both have one size."""
        return self.spacing_mm == other.spacing_mm or np.allclose(self.spacing_mm, other.spacing_mm, atol=SAME_SPACING_MM)

    @property
    def tilt(self) -> np.ndarray:
        """The unit normal of its plane."""
        normal = np.cross(self.axes[:3], self.axes[3:])
        return normal / max(np.linalg.norm(normal), 1e-9)


class Stray(NamedTuple):
    """An image that is left out of the stack, in whose place it may lie; why, in words that follow its name."""

    path: Path
    origin: tuple[float, ...]
    why: str

    def on(self, direction) -> float:
        """Position (mm) along a direction."""
        return float(np.dot(self.origin, direction))


def header(path: Path) -> pydicom.Dataset:
    """The tags of a file that say what it is and where and when it was taken. Raises InputError naming the file."""
    return opened(path, GEOMETRY, stop_before_pixels=True)


def frame_of(path: Path, order: int, tags: pydicom.Dataset) -> Frame:
    """The image of a file that holds one. Raises InputError naming the file and the tag that is absent or cannot be true."""
    if (optional(tags, "NumberOfFrames") or 1) != 1:
        raise InputError(
            f"{path}: holds {tags.get('NumberOfFrames')} images as {class_of(tags).name or 'an object of no class'}; "
            "expected one image in a file, or Enhanced MR Image Storage"
        )
    return placed(
        path,
        order,
        tags,
        tags,
        tags,
        tags,
        optional(tags, "TriggerTime"),
        whole(tags, "InstanceNumber"),
        moments=tuple(optional(tags, key) for key in MOMENTS),
        part=part_of(tags),
    )


def placed(path: Path, order: int, tags, position, orientation, measures, time_ms, instance: int, **more) -> Frame:
    """A frame of the data sets that hold its position, orientation and pixel size. Raises InputError as ``frame_of``."""
    spacing = numbers(path, measures, "PixelSpacing", 2)
    if min(spacing) <= 0:
        raise InputError(f"{path}: PixelSpacing is {spacing[0]:g}, {spacing[1]:g}; expected two positive numbers, row and column in mm")
    shape = tuple(int(size) for key in ("Rows", "Columns") for size in numbers(path, tags, key, 1))
    if min(shape) < 2:
        raise InputError(f"{path}: Rows and Columns are {shape[0]} and {shape[1]}; expected those of an image")
    origin, axes = numbers(path, position, "ImagePositionPatient", 3), numbers(path, orientation, "ImageOrientationPatient", 6)
    if max(map(abs, origin)) > FAR_MM:
        raise InputError(f"{path}: ImagePositionPatient is {list(origin)}; expected three numbers in mm")
    if not _upright(axes):
        raise InputError(f"{path}: ImageOrientationPatient is {list(axes)}; expected two unit vectors at right angles")
    series = (whole(tags, "SeriesNumber"), str(path.parent), str(tags.get("SeriesInstanceUID") or ""))
    uid, bits = str(tags.get("SOPInstanceUID") or ""), (whole(tags, "BitsStored"), whole(tags, "PixelRepresentation"))
    return Frame(path, order, origin, axes, shape, spacing, time_ms, instance, series, uid, bits=bits, **more)


def _upright(axes: tuple[float, ...]) -> bool:
    """Whether a row and a column are about 1 long and about at right angles."""
    row, column = axes[:3], axes[3:]
    sizes, along = (math.hypot(*row), math.hypot(*column)), sum(one * other for one, other in zip(row, column))
    return all(abs(size - 1) < 0.1 for size in sizes) and abs(along) < 0.4


def numbers(path: Path, tags: pydicom.Dataset, key: str, count: int) -> tuple[float, ...]:
    """The numbers of a tag that must be there. Raises InputError."""
    try:
        value = tags.get(key)
    except Exception as error:  # pydicom raises every kind on damaged files
        raise InputError(f"{path}: {key} cannot be read ({brief(error)}); export the scan again") from error
    if value is None or value == "":
        raise InputError(f"{path}: {key} is absent, so the scan's geometry is unknown; {_why_absent(path)}")
    try:
        result = tuple(float(part) for part in (value if isinstance(value, Sequence) and not isinstance(value, str) else [value]))
    except (TypeError, ValueError, OverflowError):
        result = ()
    if len(result) != count or not all(map(math.isfinite, result)):
        raise InputError(f"{path}: {key} is {str(value)[:80]}; expected {count} finite number{'s' * (count > 1)}")
    return result


def rescale_of(path: Path, tags: pydicom.Dataset) -> tuple[float, float]:
    """(slope, intercept) that turn stored values into the file's own units; (1, 0) where it has none. Raises InputError."""
    slope, intercept = (_number_or(path, tags, key, default) for key, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)))
    if slope == 0:
        raise InputError(f"{path}: RescaleSlope is 0, which makes every pixel alike; export the scan again")
    return slope, intercept


def _number_or(path: Path, tags: pydicom.Dataset, key: str, default: float) -> float:
    if key not in tags or tags.get_item(key).value in (None, "", b""):
        return default
    return numbers(path, tags, key, 1)[0]


def optional(tags: pydicom.Dataset, key: str) -> float | None:
    """The number of a tag; None where there is none that is finite."""
    try:
        value = float(tags.get(key))
    except Exception:  # pydicom raises every kind on damaged files
        return None
    return value if math.isfinite(value) else None


def whole(tags: pydicom.Dataset, key: str) -> int:
    """The whole number of a tag; 0 where there is none."""
    return int(optional(tags, key) or 0)


def _why_absent(path: Path) -> str:
    ends_early = not {"PixelData", "FloatPixelData"} & set(opened(path, ["PixelData", "FloatPixelData"]).dir())
    return "the file ends before its pixels; is the download complete?" if ends_early else "export the scan with this tag"
