"""One NIfTI file as it lies on disk: its pixels, checked against its size, and what its header says of distances and position."""

import gzip
import logging
import zlib
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from cardiosynth.datasets.layout import Notes
from cardiosynth.errors import InputError

logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # what it would print is said in our own sentences
ENDINGS = (".nii.gz", ".nii")
HEADERS = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
PACKED = b"\x1f\x8b"  # the mark of gzip
FOREIGN = {
    b"PK": "a zip archive, so unpack it", b"version https://git-lfs": "a pointer of Git LFS, so fetch the file itself (git lfs pull)",
    b"<": "a page of text, not an image, so download the file again", b"\x00\x05\x16\x07": "a Mac's twin of a file, not the file itself",
}  # fmt: skip
UNITS = {1: ("metre", 1e3), 3: ("micron", 1e-3)}  # of xyzt_units; 2 is mm, and 0, unknown, is taken for it
POSSIBLE_MM = (0.2, 50.0)  # distances between voxels of a scan of the heart
SAME_SIZE, SQUARE, OBLIQUE = 0.01, 0.1, 0.001  # of sizes; cosine between axes; how far a direction is from one of the patient's


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
        return axes if np.abs(axes.T @ axes - np.eye(3)).max() < SQUARE else None


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
        linked = f"a link to {path.readlink()}, which is not there; fetch that file" if path.is_symlink() else "missing; is the download complete?"
        raise InputError(f"{path}: {linked}")
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
    if place.suffix == ".gz" and place.with_suffix("").is_file():
        notes.doubts.append(f"{place.with_suffix('').name} stands beside {place.name}, which was read")
    sizes_mm, affine = _geometry(place, header, notes)
    return Nifti(place, _of_dimensions(place, array, dimensions), sizes_mm, affine, notes)


def made_up(affine: np.ndarray) -> bool:
    """Whether an affine lies along the patient's axes, as no short axis does."""
    axes = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    return bool((axes.max(axis=0) > 1 - OBLIQUE).all())


def in_mm(sizes) -> str:
    """Distances in words."""
    return " x ".join(f"{size:.4g}" for size in sizes) + " mm"


def _variant(path: Path) -> Path | None:
    if path.is_file():
        return path
    stem = next((path.name[: -len(end)] for end in ENDINGS if path.name.lower().endswith(end)), path.name)
    wanted = [stem.lower() + end for end in ENDINGS]
    inside = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
    there = {other.name.lower(): other for other in reversed(inside) if other.name.lower() in wanted and other.is_file()}
    return next((there[name] for name in wanted if name in there), None)


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


def _geometry(path: Path, header, notes: Notes) -> tuple[tuple[float, float, float], np.ndarray | None]:
    """Distances in mm and the affine in mm, each asked of both places in the header that tell them."""
    pixdim, affine = np.array(header["pixdim"][1:4], float), _affine(header, notes)
    factor = _to_mm(path, pixdim, int(header["xyzt_units"]) & 7, notes)
    pixdim = pixdim * factor
    if affine is not None:
        affine = affine * np.array([[factor], [factor], [factor], [1.0]])
    return _distances(path, pixdim, affine, notes), affine


def _affine(header, notes: Notes) -> np.ndarray | None:
    """The sform where it is coded, else the qform; None where neither is or where it cannot be one."""
    sform, qform = header.get_sform(coded=True)[0], None
    try:
        qform = header.get_qform(coded=True)[0]
    except (ValueError, nib.spatialimages.HeaderDataError):
        notes.doubts.append("the qform is no rotation and was not used")
    usable = [matrix for matrix in (sform, qform) if matrix is not None and np.isfinite(matrix).all()
              and np.abs(np.linalg.det(matrix[:3, :3])) > 1e-9]
    if len(usable) == 2:
        one, two = (matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0) for matrix in usable)
        if (one * two).sum(axis=0).min() < 0.98:
            notes.doubts.append("sform and qform turn the axes differently; the sform was taken")
    return usable[0] if usable else None


def _to_mm(path: Path, pixdim: np.ndarray, unit: int, notes: Notes) -> float:
    """What turns the header's numbers into mm. A unit that no scan of a heart can have is not believed."""
    if unit not in UNITS:
        return 1.0
    name, factor = UNITS[unit]
    if _possible(pixdim * factor):
        notes.mended.append(f"distances in {name} turned into mm")
        return factor
    if _possible(pixdim):
        notes.doubts.append(f"xyzt_units says {name}, but pixdim {' x '.join(f'{size:g}' for size in pixdim)} can only be mm, and was taken so")
        return 1.0
    raise InputError(f"{path}: pixdim is {' x '.join(f'{size:g}' for size in pixdim)} in {name}; expected voxels of a few mm, so convert the scan again")


def _possible(sizes: np.ndarray) -> bool:
    return bool(np.isfinite(sizes).all() and sizes.min() >= POSSIBLE_MM[0] and sizes.max() <= POSSIBLE_MM[1])


def _distances(path: Path, pixdim: np.ndarray, affine: np.ndarray | None, notes: Notes) -> tuple[float, float, float]:
    """Distances between voxels where pixdim and affine may disagree; where they do, the notes say so with both."""
    if np.isfinite(pixdim).all() and pixdim.min() < 0 and np.abs(pixdim).min() > 0:
        notes.mended.append(f"pixdim is {', '.join(f'{size:g}' for size in pixdim)}: taken without sign")
        pixdim = np.abs(pixdim)
    told = None if affine is None else np.linalg.norm(affine[:3, :3], axis=0)
    unit = told is None or (made_up(affine) and np.allclose(told, 1, rtol=SAME_SIZE))  # what tools write who know nothing
    if not (np.isfinite(pixdim).all() and pixdim.min() > 0):
        if unit:
            column, row, gap = pixdim
            raise InputError(f"{path}: pixdim gives a spacing of {row:g}, {column:g}, {gap:g} mm (row, column, slice); "
                             "expected three positive numbers, so convert the scan again")
        notes.mended.append(f"pixdim is {', '.join(f'{size:g}' for size in pixdim)}: the affine's {in_mm(told)} taken")
        return tuple(told)
    if unit or np.allclose(told, pixdim, rtol=SAME_SIZE):
        return tuple(pixdim)
    from_affine = not made_up(affine) and np.allclose(told[:2], pixdim[:2], rtol=SAME_SIZE)
    notes.doubts.append(f"pixdim says {in_mm(pixdim)} and the affine {in_mm(told)}: those of {'the affine' if from_affine else 'pixdim'} taken")
    return tuple(told if from_affine else pixdim)
