"""One DICOM file of a cine: its geometry, its time, its pixels, and no tag that says who was scanned."""

import struct
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_rescale

from cardiosynth.errors import InputError

SAME_AXES, SAME_SPACING_MM = 0.02, 1e-3
GEOMETRY = ["Rows", "Columns", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient",
            "TriggerTime", "InstanceNumber", "SeriesNumber", "SeriesInstanceUID"]
PIXELS = ["Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "BitsAllocated", "BitsStored",
          "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept", "PixelData"]
UNREADABLE = (OSError, EOFError, InvalidDicomError, ValueError, TypeError, AttributeError, KeyError, NotImplementedError,
              RuntimeError, struct.error)


@dataclass(frozen=True)
class Frame:
    """What one file says of its place and time. series orders acquisitions: SeriesNumber, folder, SeriesInstanceUID."""

    path: Path
    order: int
    origin: tuple[float, ...]
    axes: tuple[float, ...]
    shape: tuple[int, int]
    spacing_mm: tuple[float, float]
    time_ms: float | None
    instance: int
    series: tuple

    def on(self, direction) -> float:
        """Position (mm) along a direction."""
        return float(np.dot(self.origin, direction))

    def same_plane(self, other: "Frame") -> bool:
        """Whether both have one orientation, matrix and pixel size."""
        return (self.shape == other.shape and np.allclose(self.axes, other.axes, atol=SAME_AXES)
                and np.allclose(self.spacing_mm, other.spacing_mm, atol=SAME_SPACING_MM))


def header(path: Path, order: int) -> Frame:
    """Geometry and time of one file; ``order`` is its place among the scan's files.

    Raises InputError naming the file where it is no DICOM, or where its spacing, position or orientation is absent
    or cannot be true.
    """
    with _quiet():
        tags = _open(path, GEOMETRY, stop_before_pixels=True)
        spacing = _numbers(path, tags, "PixelSpacing", 2)
        if min(spacing) <= 0:
            raise InputError(f"{path}: PixelSpacing is {spacing[0]:g}, {spacing[1]:g}; expected two positive numbers, row and column in mm")
        shape = tuple(int(size) for key in ("Rows", "Columns") for size in _numbers(path, tags, key, 1))
        origin, axes = _numbers(path, tags, "ImagePositionPatient", 3), _numbers(path, tags, "ImageOrientationPatient", 6)
        if np.linalg.norm(np.cross(axes[:3], axes[3:])) < 0.9:
            raise InputError(f"{path}: ImageOrientationPatient is {list(axes)}; expected two unit vectors at right angles")
        instance, number = (int(_optional(tags, key) or 0) for key in ("InstanceNumber", "SeriesNumber"))
        series = (number, str(path.parent), str(tags.get("SeriesInstanceUID", "")))
        return Frame(path, order, origin, axes, shape, spacing, _optional(tags, "TriggerTime"), instance, series)


def pixels(frame: Frame) -> np.ndarray:
    """The image (H, W): as stored, or float32 where the file gives a slope or an intercept. Raises InputError."""
    with _quiet():
        tags = _open(frame.path, PIXELS)
        try:
            image = tags.pixel_array
        except UNREADABLE as error:
            raise InputError(f"{frame.path}: the pixels cannot be read ({_brief(error)}); is the download complete?") from error
        if image.shape != frame.shape:
            raise InputError(f"{frame.path}: the image has shape {image.shape}; expected one grey image of {frame.shape}")
        slope, intercept = _optional(tags, "RescaleSlope"), _optional(tags, "RescaleIntercept")
        if slope in (None, 1.0) and intercept in (None, 0.0):
            return image
        return apply_rescale(image, tags).astype(np.float32)


@contextmanager
def _quiet():
    """Without pydicom's warnings: public files hold UIDs and dates that break the letter of the standard."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        yield


def _open(path: Path, tags: list[str], **options) -> pydicom.Dataset:
    try:
        return pydicom.dcmread(path, specific_tags=tags, **options)
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read as DICOM ({_brief(error)}); is the download complete?") from error


def _brief(error: Exception) -> str:
    """The first clause of a library's message."""
    return " ".join(str(error).split()).split(" - ")[0].split(". ")[0][:120] or type(error).__name__


def _numbers(path: Path, tags: pydicom.Dataset, key: str, count: int) -> tuple[float, ...]:
    try:
        value = tags.get(key)
    except UNREADABLE as error:
        raise InputError(f"{path}: {key} cannot be read ({_brief(error)}); export the scan again") from error
    if value is None or value == "":
        raise InputError(f"{path}: {key} is absent, so the scan's geometry is unknown; expected the whole file as the scanner wrote it")
    try:
        numbers = tuple(float(part) for part in np.atleast_1d(value))
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise InputError(f"{path}: {key} is {value}; expected {count} finite number{'s' * (count > 1)}")
    return numbers


def _optional(tags: pydicom.Dataset, key: str) -> float | None:
    try:
        return float(tags.get(key))
    except UNREADABLE:
        return None
