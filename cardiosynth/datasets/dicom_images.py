"""The images of a scan among its files: what is no image of it set aside, and each image once."""

from pathlib import Path

import numpy as np
import pydicom

from cardiosynth.datasets.dicom_enhanced import enhanced_frames
from cardiosynth.datasets.dicom_files import reading
from cardiosynth.datasets.dicom_frame import Frame, frame_of, header
from cardiosynth.datasets.dicom_kinds import ENHANCED, class_of, contradicts_itself, counted, images_among
from cardiosynth.datasets.dicom_pixels import pixels
from cardiosynth.errors import InputError


def images_of(paths: list[Path], name: str, mended: list[str], doubts: list[str]) -> list[Frame]:
    """The MR images that the files hold, each once; what is set aside is added to ``mended``, what contradicts itself to ``doubts``.

    Raises InputError naming the scan where there are none, or the file whose place or time cannot be read.
    """
    if not paths:
        raise InputError(f"{name}: no DICOM files; is the download complete?")
    orders = {path: order for order, path in enumerate(paths)}
    images = images_among([(path, header(path)) for path in orders], name, mended)
    if odd := sum(contradicts_itself(path, tags) for path, tags in images):
        doubts.append(f"{counted(odd, 'file')} with a PresentationLUTShape that contradicts MONOCHROME1 or 2, which is believed: "
                      "bright and dark may be exchanged")
    return _once([_frames(path, orders[path], tags) for path, tags in images], mended)


def _frames(path: Path, order: int, tags: pydicom.Dataset) -> list[Frame]:
    with reading(path):
        return enhanced_frames(path, order, tags) if class_of(tags) in ENHANCED else [frame_of(path, order, tags)]


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
