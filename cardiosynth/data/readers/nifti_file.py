"""One NIfTI file as it lies on disk: its pixels, checked against its size, and what its header says of distances and position."""

import gzip
import logging
import zlib
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from cardiosynth.data.readers.layout import Notes, files_below
from cardiosynth.data.readers.nifti_header import SQUARE, geometry, made_up, squareness
from cardiosynth.study.errors import InputError

logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # what it would print is said in our own sentences
ENDINGS = (".nii.gz", ".nii")
HEADERS = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
PACKED = b"\x1f\x8b"  # the mark of gzip
FOREIGN = {
    b"PK": "a zip archive, so unpack it", b"version https://git-lfs": "a pointer of Git LFS, so fetch the file itself (git lfs pull)",
    b"<": "a page of text, not an image, so download the file again", b"\x00\x05\x16\x07": "a Mac's twin of a file, not the file itself",
}  # fmt: skip
SURPLUS = 1024  # bytes after the voxels that hide no slice


@dataclass(frozen=True)
class Nifti:
    """array: (x, y, z) or (x, y, z, phases), axes as in the file. sizes_mm: of a voxel along x, y, z.

    affine: (4, 4), from voxel to mm in the patient (right, front, head), or None where the file has none.
    """

    path: Path
    array: np.ndarray
    sizes_mm: tuple[float, float, float]
    affine: np.ndarray | None
    notes: Notes

    def directions(self) -> np.ndarray | None:
        """Unit vectors (left, back, head) along x, y and z as columns, or None where the affine was made up.

        A real short axis is oblique and its axes are square; ACDC's affine, for one, lies along the patient's axes.
        """
        if self.affine is None or made_up(self.affine):
            return None
        axes = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0) * [[-1], [-1], [1]]
        return axes if squareness(self.affine) < SQUARE else None


def exists(path: Path) -> bool:
    """Whether the file is there, its ending perhaps in capitals or without ``.gz``."""
    return _variant(path) is not None


def read(path: Path, dimensions: int = 3) -> Nifti:
    """The file at ``path``, or the same name with another of ENDINGS, in any letter case.

    dimensions: 3 for one frame, 4 for a cine; axes of length 1 beyond are dropped. Raises InputError naming the file
    where it is missing, damaged, of other dimensions, no grey image, or without a distance between voxels.
    """
    place = _variant(path)
    if place is None:
        lost = "a link that leads nowhere; fetch the file that it names" if path.is_symlink() else "missing; is the download complete?"
        raise InputError(f"{path}: {lost}")
    try:
        content = _content(place)
        header = _header(content[:540])
        _refuse_impossible(place, header, len(content))
        array = np.asarray((nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image).from_bytes(content).dataobj)
    except InputError:
        raise
    except Exception as error:  # bytes that are no NIfTI can break a parser in any way
        raise InputError(f"{place}: cannot be read as NIfTI ({_reason(place, error)}") from error
    notes = Notes()
    more = len(content) - int(header["vox_offset"]) - array.size * header.get_data_dtype().itemsize
    if more > SURPLUS:
        notes.doubts.append(f"{place.name} holds {more} bytes after the voxels that its header tells of, so slices may be missing")
    if place.suffix == ".gz" and place.with_suffix("").is_file():
        notes.doubts.append(f"{place.with_suffix('').name} stands beside {place.name}, which was read")
    sizes_mm, affine = geometry(place, header, notes)
    return Nifti(place, _of_dimensions(place, array, dimensions), sizes_mm, affine, notes)


def _variant(path: Path) -> Path | None:
    """The file, or what stands there in its place: another ending, other letter case, a folder of that name with one file in it."""
    if path.is_file():
        return path
    stem = next((path.name[: -len(end)] for end in ENDINGS if path.name.lower().endswith(end)), path.name)
    wanted = [stem.lower() + end for end in ENDINGS]
    inside = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
    for name in wanted:
        for other in (other for other in inside if other.name.lower() == name):
            files = files_below(other) if other.is_dir() else [other]
            held = [file for file in files if file.name.lower().endswith(ENDINGS) and file.is_file()]
            if len(held) == 1:
                return held[0]
    return None


def _content(path: Path) -> bytes:
    """All bytes, unpacked where they are packed, whatever the ending says; so a damaged archive cannot go unnoticed."""
    content = path.read_bytes()
    return gzip.decompress(content) if content.startswith(PACKED) else content


def _header(head: bytes):
    """The header as it stands: nibabel itself takes 1 mm for a distance of zero."""
    if len(head) < min(HEADERS):
        raise ValueError(f"{len(head)} bytes are fewer than the 348 of a header")
    kind = next((HEADERS[size] for size in (int.from_bytes(head[:4], order) for order in ("little", "big")) if size in HEADERS), None)
    if kind is None:
        raise ValueError("its header is not one of NIfTI")
    return kind(head[: kind.template_dtype.itemsize], check=False)


def _refuse_impossible(path: Path, header, size: int) -> None:
    """Raise InputError for pixels that are not grey values, and for more of them than the file's ``size`` bytes can hold."""
    kind = header.get_data_dtype()
    if kind.kind not in "iuf":
        name = "colour" if kind.fields else kind.name
        raise InputError(f"{path}: {name} pixels; expected one grey value or label a voxel, so convert the scan itself, not a picture of it")
    shape = header.get_data_shape()
    claimed = float(np.prod([float(length) for length in shape])) * kind.itemsize
    if not shape or min(shape) < 1 or claimed > size:
        raise InputError(
            f"{path}: the header claims {' x '.join(map(str, shape)) or 'no'} voxels ({claimed / 1e6:.4g} MB), but the file holds "
            f"{size / 1e6:.3g} MB; its header is damaged or the file cut short, so copy or convert it again"
        )


def _reason(path: Path, error: Exception) -> str:
    """What is wrong with a file that nibabel refuses, and what to do; closes the bracket that the sentence opened."""
    with open(path, "rb") as file:
        start = file.read(132)
    if not start.strip(b"\0"):
        return f"{'it is empty' if not path.stat().st_size else 'it holds nothing but zeros'}); is the download complete?"
    if start[128:] == b"DICM":
        return "it is a DICOM file); name the folder of DICOM files, or convert them"
    for mark, what in FOREIGN.items():
        if start.startswith(mark):
            return f"it is {what})"
    reason = " ".join(str(error).split()) or type(error).__name__
    if start.startswith(PACKED) and (broken := _unpacking(path)):
        return f"{broken}); is the download complete?"
    return f"{reason}); {'is the download complete?' if 'bytes' in reason else 'convert the scan again'}"


def _unpacking(path: Path) -> str:
    """Why a packed file does not unpack; nothing where it does."""
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        return " ".join(str(error).split())
    return ""


def _of_dimensions(path: Path, array: np.ndarray, dimensions: int) -> np.ndarray:
    single = [axis for axis in range(array.ndim - 1, 2, -1) if array.shape[axis] == 1][: max(array.ndim - dimensions, 0)]
    array = array.squeeze(tuple(single))
    if array.ndim != dimensions:
        what = "one frame" if dimensions == 3 else "a cine of several frames"
        raise InputError(f"{path}: has {array.ndim} dimensions ({' x '.join(map(str, array.shape))}); expected {dimensions}, {what}")
    return array
