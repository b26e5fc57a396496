"""What a NIfTI header says of distances and position: each asked of both places that tell it."""

from pathlib import Path

import nibabel as nib
import numpy as np

from cardiosynth.data.readers.layout import Notes
from cardiosynth.study.errors import InputError

UNITS = {1: ("metre", 1e3), 3: ("micron", 1e-3)}  # of xyzt_units; 2 is mm, and 0, unknown, is taken for it
POSSIBLE_MM = (0.2, 50.0)  # distances between voxels of a scan of the heart
SAME_SIZE, OBLIQUE = 0.01, 0.001  # of sizes; how far a direction is from one of the patient's
SHEARED, SQUARE = 0.02, 0.1  # cosines between axes: what is said, and what makes an affine useless


def geometry(path: Path, header, notes: Notes) -> tuple[tuple[float, float, float], np.ndarray | None]:
    """Distances in mm and the affine in mm, each asked of both places in the header that tell them."""
    pixdim, affine = np.array(header["pixdim"][1:4], float), _affine(header, notes)
    factor = _to_mm(path, pixdim, int(header["xyzt_units"]) & 7, notes)
    pixdim = pixdim * factor
    if affine is not None:
        affine = affine * np.array([[factor], [factor], [factor], [1.0]])
        if squareness(affine) > SHEARED:
            notes.doubts.append(f"the affine's axes are not at right angles (cosine {squareness(affine):.2f}), so distances may be wrong")
    return _distances(path, pixdim, affine, notes), affine


def _affine(header, notes: Notes) -> np.ndarray | None:
    """The sform where it is coded, else the qform; None where neither is or where it cannot be one."""
    sform, qform = header.get_sform(coded=True)[0], None
    try:
        qform = header.get_qform(coded=True)[0]
    except (ValueError, nib.spatialimages.HeaderDataError):
        notes.doubts.append("the qform is no rotation and was not used")
    usable = [
        matrix for matrix in (sform, qform) if matrix is not None and np.isfinite(matrix).all() and np.abs(np.linalg.det(matrix[:3, :3])) > 1e-9
    ]
    if len(usable) == 2:
        one, two = (matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0) for matrix in usable)
        if (one * two).sum(axis=0).min() < 0.98:
            notes.doubts.append("sform and qform turn the axes differently; the sform was taken")
    return usable[0] if usable else None


def _to_mm(path: Path, pixdim: np.ndarray, unit: int, notes: Notes) -> float:
    """What turns the header's numbers into mm. A unit that no scan of a heart can have is not believed."""
    numbers = " x ".join(f"{size:g}" for size in pixdim)
    if unit not in UNITS:
        if np.isfinite(pixdim).all() and np.abs(pixdim).min() > 0 and not _possible(np.abs(pixdim)):
            raise InputError(
                f"{path}: pixdim is {numbers}, and xyzt_units does not say that these are not mm; expected voxels of a few mm, "
                "so set the unit or convert the scan again"
            )
        return 1.0
    name, factor = UNITS[unit]
    if _possible(pixdim * factor):
        notes.mended.append(f"distances in {name} turned into mm")
        return factor
    if _possible(pixdim):
        notes.doubts.append(f"xyzt_units says {name}, but pixdim {numbers} can only be mm, and was taken so")
        return 1.0
    raise InputError(f"{path}: pixdim is {numbers} in {name}; expected voxels of a few mm, so convert the scan again")


def _possible(sizes: np.ndarray) -> bool:
    return bool(np.isfinite(sizes).all() and sizes.min() >= POSSIBLE_MM[0] and sizes.max() <= POSSIBLE_MM[1])


def _distances(path: Path, pixdim: np.ndarray, affine: np.ndarray | None, notes: Notes) -> tuple[float, float, float]:
    """Distances between voxels where pixdim and affine may disagree; where they do, the notes say so with both."""
    if np.isfinite(pixdim).all() and pixdim.min() < 0 and np.abs(pixdim).min() > 0:
        notes.mended.append(f"pixdim is {', '.join(f'{size:g}' for size in pixdim)}: taken without sign")
        pixdim = np.abs(pixdim)
    affine_mm = None if affine is None else np.linalg.norm(affine[:3, :3], axis=0)
    unit = affine_mm is None or (made_up(affine) and np.allclose(affine_mm, 1, rtol=SAME_SIZE))  # what tools write who know nothing
    if not (np.isfinite(pixdim).all() and pixdim.min() > 0):
        if unit:
            column, row, gap = pixdim
            raise InputError(
                f"{path}: pixdim gives a spacing of {row:g}, {column:g}, {gap:g} mm (row, column, slice); "
                "expected three positive numbers, so convert the scan again"
            )
        notes.mended.append(f"pixdim is {', '.join(f'{size:g}' for size in pixdim)}: the affine's {in_mm(affine_mm)} taken")
        return tuple(affine_mm)
    if unit or np.allclose(affine_mm, pixdim, rtol=SAME_SIZE):
        return tuple(pixdim)
    return _chosen(pixdim, affine_mm, affine, notes)


def _chosen(pixdim: np.ndarray, affine_mm: np.ndarray, affine: np.ndarray, notes: Notes) -> tuple[float, float, float]:
    """Of two that differ: the affine's where pixdim's differ only by the 1 mm that stands for nothing known, or where only the gap
    differs and the affine is as a scanner writes it; else pixdim's."""
    differ = ~np.isclose(affine_mm, pixdim, rtol=SAME_SIZE)
    lost = bool(np.isclose(pixdim[differ], 1, rtol=SAME_SIZE).all())
    scanner = not made_up(affine) and differ.tolist() == [False, False, True] and squareness(affine) < SQUARE
    chosen, name = (affine_mm, "the affine") if lost or scanner else (pixdim, "pixdim")
    notes.doubts.append(f"pixdim says {in_mm(pixdim)} and the affine {in_mm(affine_mm)}: those of {name} taken")
    return tuple(chosen)


def squareness(affine: np.ndarray) -> float:
    """The largest cosine between two of its axes; 0 where they are at right angles."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())


def made_up(affine: np.ndarray) -> bool:
    """Whether an affine lies along the patient's axes, as no short axis does."""
    axes = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    return bool((axes.max(axis=0) > 1 - OBLIQUE).all())


def in_mm(sizes) -> str:
    """Distances in words."""
    return " x ".join(f"{size:.4g}" for size in sizes) + " mm"
