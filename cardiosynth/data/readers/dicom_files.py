"""DICOM files as people have them: found whatever their names are, and opened with or without the mark that begins them."""

import warnings
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError

from cardiosynth.data.readers.layout import files_below
from cardiosynth.study.errors import InputError

MARK, MARK_AT = b"DICM", 128
BARE = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")  # groups 2 and 8, with which a file begins that has no mark


def dicom_files(folder: Path) -> list[Path]:
    """All DICOM files below a folder, whatever their names, in the order of their paths; a DICOMDIR and hidden files are not.

    A file that is called .dcm counts as one, damaged or not. Raises InputError naming a file that may not be read.
    """
    return [path for path in files_below(folder) if is_dicom(path)]


def is_dicom(path: Path) -> bool:
    """Whether a file is called .dcm, has the mark of DICOM, or without it begins as DICOM does and tells its class or its rows."""
    if path.name.upper().startswith("DICOMDIR"):
        return False
    if path.suffix.lower() == ".dcm":
        return True
    try:
        with open(path, "rb") as file:
            start = file.read(MARK_AT + len(MARK))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); make it readable, or take it out of the folder") from error
    return start[MARK_AT:] == MARK or (start.startswith(BARE) and _opens(path))


def opened(path: Path, tags: list[str], **options) -> pydicom.Dataset:
    """The tags of a file. Raises InputError naming it where it cannot be read, and where it is no DICOM."""
    with reading(path):
        try:
            return pydicom.dcmread(path, specific_tags=tags, **options)
        except InvalidDicomError as error:
            if not path.stat().st_size:
                raise InputError(f"{path}: an empty file; is the download complete?") from error
            return _bare(path, tags, options, error)


@contextmanager
def reading(path: Path):
    """Whatever pydicom says of a damaged file becomes an InputError naming it, and its warnings are kept quiet.

    Public files hold UIDs and dates that break the letter of the standard.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # pydicom raises every kind on damaged files
            raise InputError(f"{path}: cannot be read as DICOM ({brief(error)}); copy or export it again") from error


def file_of(path: Path) -> str:
    """A file with its folder, as sentences name it."""
    return f"{path.parent.name}/{path.name}"


def brief(error: Exception) -> str:
    """A library's message on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _opens(path: Path) -> bool:
    try:
        opened(path, [], stop_before_pixels=True)
    except InputError:
        return False
    return True


def _bare(path: Path, tags: list[str], options: dict, reason: Exception) -> pydicom.Dataset:
    """A file without preamble and mark, as old scanners and some anonymisers leave it."""
    try:
        dataset = pydicom.dcmread(path, specific_tags=[*tags, "SOPClassUID", "Rows"], force=True, **options)
        known = "SOPClassUID" in dataset or "Rows" in dataset
    except Exception:  # what is no DICOM may be anything
        known = False
    if not known:
        raise InputError(f"{path}: cannot be read as DICOM ({brief(reason)}); take it out of the folder, or copy it again") from reason
    return dataset
