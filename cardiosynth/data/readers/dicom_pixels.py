"""The pixels of a DICOM file as the scanner meant them: decoded, bright where the signal is, and in the file's own units."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import get_decoder
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cardiosynth.data.readers.dicom_files import brief, opened, reading
from cardiosynth.data.readers.dicom_frame import Frame, optional, rescale_of
from cardiosynth.study.errors import InputError

INVERTED, GREY = "MONOCHROME1", ("MONOCHROME1", "MONOCHROME2")
PIXELS = [
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "FloatPixelData",
    "PixelData",
]
JPEG = "1.2.840.10008.1.2.4."
DECODERS = {
    f"{JPEG}5": "pylibjpeg-libjpeg",
    f"{JPEG}7": "pylibjpeg-libjpeg",
    f"{JPEG}8": "pylibjpeg-libjpeg",
    f"{JPEG}9": "pylibjpeg-openjpeg",
    f"{JPEG}20": "pylibjpeg-openjpeg",
}  # by how the transfer syntax begins
PADDING = 16  # bytes after the pixels that hide no wrong matrix
MOST_COMPRESSED = 5000  # times that even a black image shrinks


def pixels(path: Path, frames: list[Frame]) -> list[np.ndarray]:
    """The images (H, W) of some frames of one file, in whose order it is opened once: as stored, or float32 where the file rescales.

    MONOCHROME1, in which small values are bright, is turned round within the stored bits. Raises InputError naming the file.
    """
    with reading(path):
        tags = opened(path, PIXELS)
        bits, count = _bits(path, tags), int(optional(tags, "NumberOfFrames") or 1)
        _refuse_other_meanings(path, tags)
        _check_size(path, tags, bits, count, frames[0].shape)
        stored = _decoded(path, tags)
        if stored.size != count * np.prod(frames[0].shape):
            raise InputError(f"{path}: the image has shape {stored.shape}; expected {count} grey of {frames[0].shape}")
        stored = stored.reshape(count, *frames[0].shape)
        return [_rescaled(_upright(path, stored[frame.at], tags), *(frame.rescale or rescale_of(path, tags))) for frame in frames]


def _bits(path: Path, tags: pydicom.Dataset) -> int:
    if "PixelData" not in tags:
        reason = "are of another kind (FloatPixelData)" if tags.dir("FloatPixelData") else "are absent; is the download complete?"
        raise InputError(f"{path}: the pixels {reason}")
    bits = tags.get("BitsAllocated")
    if bits not in (8, 16, 32):
        raise InputError(f"{path}: BitsAllocated is {bits}; expected 8, 16 or 32")
    return bits


def _refuse_other_meanings(path: Path, tags: pydicom.Dataset) -> None:
    if (meaning := _photometric(tags)) not in GREY or tags.get("SamplesPerPixel") != 1:
        raise InputError(
            f"{path}: PhotometricInterpretation is {meaning or 'absent'} with {tags.get('SamplesPerPixel')} samples a pixel; "
            "expected MONOCHROME2 or MONOCHROME1 with 1"
        )
    if tags.get("ModalityLUTSequence"):
        raise InputError(f"{path}: the pixels go through a ModalityLUTSequence, which is not read; export the scan with RescaleSlope")


def _photometric(tags: pydicom.Dataset) -> str:
    return str(tags.get("PhotometricInterpretation") or "").strip().upper()


def _check_size(path: Path, tags: pydicom.Dataset, bits: int, count: int, shape: tuple[int, int]) -> None:
    """Whether the file holds what its header claims, before anything is allocated for it."""
    data, (rows, columns) = tags.get_item("PixelData"), shape
    have, needed = len(data.value or b""), count * rows * columns * bits // 8
    claim = f"{rows} rows, {columns} columns and BitsAllocated {bits}" + (f" of {count} images" if count > 1 else "")
    if _encapsulated(path, tags):
        if needed > MOST_COMPRESSED * have:
            raise InputError(f"{path}: {claim} claim {needed / 1e6:.0f} MB in a file of {have / 1e6:.3f} MB; export the scan again")
    elif have < needed and (getattr(data, "length", None) or 0) > have:
        raise InputError(f"{path}: the file ends after {have} of {data.length} bytes of its pixels; is the download complete?")
    elif not needed <= have <= needed + PADDING:
        raise InputError(f"{path}: holds {have} bytes of pixels where {claim} need {needed}; export the scan again")


def _encapsulated(path: Path, tags: pydicom.Dataset) -> bool:
    """Whether the pixels are compressed; a file without its transfer syntax gets the one in which it was found to be written."""
    undefined = getattr(tags["PixelData"], "is_undefined_length", False)
    syntax = tags.file_meta.get("TransferSyntaxUID")
    if not syntax:
        if undefined:
            raise InputError(f"{path}: the pixels are compressed, and TransferSyntaxUID, which says how, is absent; export the scan again")
        implicit, little = tags.original_encoding
        syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        tags.file_meta.TransferSyntaxUID = syntax
    return undefined


def _decoded(path: Path, tags: pydicom.Dataset) -> np.ndarray:
    syntax = tags.file_meta.TransferSyntaxUID
    package = next((package for start, package in DECODERS.items() if syntax.startswith(start)), "")
    install = f"install pylibjpeg and {package} (pip install pylibjpeg {package}), or " if package else ""
    try:
        known = get_decoder(syntax).is_available
    except NotImplementedError:
        known = False
    if not known:
        raise InputError(
            f"{path}: the pixels are compressed as {syntax.name} ({syntax}), for which no decoder is installed; {install}export the scan uncompressed"
        )
    try:
        return tags.pixel_array
    except Exception as error:  # decoders raise every kind on damaged pixels
        if install:
            raise InputError(
                f"{path}: the pixels, compressed as {syntax.name}, cannot be decoded ({brief(error)}); "
                f"if the file is whole, {install}export the scan uncompressed"
            ) from error
        raise InputError(f"{path}: the pixels cannot be read ({brief(error)}); export the scan again") from error


def _upright(path: Path, image: np.ndarray, tags: pydicom.Dataset) -> np.ndarray:
    """The image with signal bright."""
    if _photometric(tags) != INVERTED:
        return image
    if tags.PixelRepresentation:
        return -1 - image
    top = 2**tags.BitsStored - 1
    if image.max() > top:
        raise InputError(f"{path}: a pixel of {image.max()} where BitsStored {tags.BitsStored} allows {top}; export the scan again")
    return top - image


def _rescaled(image: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    if (slope, intercept) == (1.0, 0.0):
        return image
    with np.errstate(over="ignore"):
        return (image.astype(np.float64) * slope + intercept).astype(np.float32)
