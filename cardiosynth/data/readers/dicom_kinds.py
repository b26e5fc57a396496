"""What the objects in a folder of DICOM files are: the images of a cine, and what lies beside them in an export."""

from collections import Counter
from pathlib import Path

import pydicom
from pydicom.uid import UID

from cardiosynth.data.readers.dicom_files import reading
from cardiosynth.study.errors import InputError

CLASS = "1.2.840.10008.5.1.4.1.1."
MR, ENHANCED = f"{CLASS}4", (f"{CLASS}4.1", f"{CLASS}4.4")  # one image a file; many with functional groups
SECONDARY = "secondary capture"
OTHERS = {
    f"{CLASS}11.": "presentation state",
    f"{CLASS}88.": "structured report",
    f"{CLASS}104.": "encapsulated document",
    f"{CLASS}7.": SECONDARY,
    "1.2.840.10008.1.3.10.": "DICOMDIR",
}
COLOURS = ("RGB", "YBR", "PALETTE", "HSV", "ARGB", "CMYK")
PARTS = {
    "P": "phase image",
    "PHASE": "phase image",
    "PHASE MAP": "phase image",
    "VELOCITY MAP": "phase image",
    "R": "real part",
    "REAL": "real part",
    "I": "imaginary part",
    "IMAGINARY": "imaginary part",
}  # by the words of ImageType
TYPES = ("ImageType", "FrameType", "ComplexImageComponent")
KIND_TAGS = [
    "SOPClassUID",
    "Rows",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PresentationLUTShape",
    "ImagePositionPatient",
    "ImageType",
    "ComplexImageComponent",
    "BurnedInAnnotation",
]


def class_of(tags: pydicom.Dataset) -> UID:
    """The SOP class of an object; empty where it says none."""
    meta = getattr(tags, "file_meta", None) or {}
    return UID(str(tags.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""))


def kind(path: Path, tags: pydicom.Dataset) -> str:
    """What an object is in words, empty where it may be a grey MR image: of an MR class, or of no class that is known."""
    with reading(path):
        return _kind(tags)


def _kind(tags: pydicom.Dataset) -> str:
    uid = class_of(tags)
    for start, what in OTHERS.items():
        if f"{uid}.".startswith(start):
            return f"colour {SECONDARY}" if what == SECONDARY and _coloured(tags) else what
    if uid not in (MR, *ENHANCED) and uid.name != uid:
        return uid.name.removesuffix(" Storage")
    if _coloured(tags):
        return "colour image"
    return "private object without pixels" if uid and uid.name == uid and "Rows" not in tags else ""


def contradicts_itself(path: Path, tags: pydicom.Dataset) -> bool:
    """Whether the two tags that say if bright means signal disagree: the standard joins INVERSE to MONOCHROME1, IDENTITY to MONOCHROME2."""
    if "PresentationLUTShape" not in tags:
        return False
    with reading(path):
        shape, grey = (str(tags.get(key) or "").strip().upper() for key in ("PresentationLUTShape", "PhotometricInterpretation"))
    return (shape, grey) in (("INVERSE", "MONOCHROME2"), ("IDENTITY", "MONOCHROME1"))


def part_of(tags: pydicom.Dataset) -> str:
    """What an image is but the magnitude that the scanner took: a phase image, a real or imaginary part, derived or annotated."""
    words = [str(word).strip().upper() for key in TYPES for word in several(tags.get(key))]
    if part := next((PARTS[word] for word in words if word in PARTS), ""):
        return part
    if {"DERIVED", "SECONDARY", "MPR"} & set(words):
        return "derived image"
    return "annotated image" if str(tags.get("BurnedInAnnotation") or "").upper() == "YES" else ""


def images_among(objects: list[tuple[Path, pydicom.Dataset]], name: str, mended: list[str]) -> tuple[list[tuple], list[tuple]]:
    """The MR images among objects; where there are none, the grey secondary captures that know their place, as some programs write.

    The others follow with what they are, and are added to ``mended``. Raises InputError saying what they are where no image is left.
    """
    kinds = [kind(path, tags) for path, tags in objects]
    wanted = "" if "" in kinds else SECONDARY
    chosen = [item for item, what in zip(objects, kinds) if what == wanted and (wanted == "" or "ImagePositionPatient" in item[1])]
    if not chosen:
        raise InputError(f"{name}: holds no MR images, only {_listed(kinds)}; expected the files of a short-axis cine")
    if others := [what for what in kinds if what != wanted]:
        mended.append(f"{_listed(others)} left out")
    return chosen, [(*item, what) for item, what in zip(objects, kinds) if what != wanted]


def several(value) -> list:
    """The values of a tag, be they none, one or many."""
    return [] if value is None else [value] if isinstance(value, (str, int)) else list(value)


def counted(number: int, what: str) -> str:
    """``1 slice``, ``2 slices``; ``1 copy``, ``2 copies``."""
    return f"{number} {what if number == 1 else what[:-1] + 'ies' if what.endswith('y') else what + 's'}"


def _coloured(tags: pydicom.Dataset) -> bool:
    samples, colours = str(tags.get("SamplesPerPixel", "")), str(tags.get("PhotometricInterpretation", "")).strip().upper()
    return samples in ("3", "4") or colours.startswith(COLOURS)


def _listed(kinds: list[str]) -> str:
    return ", ".join(counted(number, what or "MR image") for what, number in sorted(Counter(kinds).items()))
