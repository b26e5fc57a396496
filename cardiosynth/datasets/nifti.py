"""NIfTI files as arrays in the project's order, with spacing from where it is right."""

import logging
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np

from cardiosynth.cohort import Subject
from cardiosynth.errors import InputError
from cardiosynth.volumes import LABELS, LV, volume_ml

logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # what it would print is said in our own sentences
NAMES = {number: {"rv": "RV", "lv": "LV"}.get(name, name) for name, number in LABELS.items()}
GREY = range(32, 256)
NOT_READABLE = (OSError, EOFError, ValueError, zlib.error, nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError)


def load(path: Path, dimensions: int = 3) -> tuple[np.ndarray, tuple[float, float, float]]:
    """An image as (slices, rows, columns), or (slices, phases, rows, columns) where ``dimensions`` is 4, and its
    (row, column, slice) distances in mm, from the header's pixdim because some affines are wrong.

    Raises InputError naming the file where it is missing, damaged, of other dimensions or without a spacing.
    """
    if not path.is_file():
        raise InputError(f"{path}: missing; is the download complete?")
    try:
        nifti = nib.load(path)
        array = np.asarray(nifti.dataobj)
        columns, rows, slices = _pixdim(path, type(nifti.header))
    except NOT_READABLE as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as NIfTI ({reason}); is the download complete?") from error
    if array.ndim != dimensions:
        raise InputError(f"{path}: has {array.ndim} dimensions; expected {dimensions}")
    if not all(np.isfinite(size) and size > 0 for size in (rows, columns, slices)):
        raise InputError(
            f"{path}: pixdim gives a spacing of {rows:g}, {columns:g}, {slices:g} mm (row, column, slice); "
            "expected three positive numbers, so convert the scan again"
        )
    order = (2, 1, 0) if dimensions == 3 else (2, 3, 1, 0)
    return array.transpose(order), (rows, columns, slices)


def pair(images: list[Path], masks: list[Path], names: dict[int, int]) -> tuple[list, list, tuple]:
    """ED and ES where each has its own image and mask file: frames, masks in the project's labels, distances in mm.

    images, masks: the ED file, then the ES file. names: source label -> ours. Raises InputError naming the file
    that is bad, or the ES image where it is not on the grid of the ED image.
    """
    (ed, distances_mm), (es, es_distances_mm) = (load(path) for path in images)
    if ed.shape != es.shape or not np.allclose(distances_mm, es_distances_mm):
        raise InputError(
            f"{images[1]}: shape {es.shape} with {_mm(es_distances_mm)}, but {ed.shape} with {_mm(distances_mm)} at ED; "
            "expected one grid, so convert the scan again"
        )
    return [ed, es], [labels(path, ed.shape, names) for path in masks], distances_mm


def labels(path: Path, shape: tuple, names: dict[int, int]) -> np.ndarray:
    """A mask (slices, rows, columns) in the project's labels. shape: that of the image. names: source label -> ours.

    Raises InputError where the shape differs, where a label is not among ``names`` or where no LV is left.
    """
    mask, _ = load(path)
    if mask.shape != shape:
        raise InputError(f"{path}: the mask has shape {mask.shape}, the image {shape}; they must agree")
    return relabel(mask, names, path)


def relabel(mask: np.ndarray, names: dict[int, int], where) -> np.ndarray:
    """Source labels to the project's, as uint8. where: what a sentence starts with, such as the file.

    Raises InputError for a label that the layout does not have, and where no LV is left.
    """
    unknown = sorted(set(np.unique(mask).tolist()) - {0, *names})
    expected = ", ".join(f"{theirs} {NAMES[ours]}" for theirs, ours in sorted({0: 0, **names}.items()))
    if unknown:
        found = ", ".join(f"{value:g}" for value in unknown[:6])
        if all(value in GREY for value in unknown):
            raise InputError(
                f"{where}: mask labels {found} look like the grey values of a picture of labels; expected {expected}, "
                "so export the labels themselves"
            )
        raise InputError(f"{where}: unknown mask labels {found}; expected {expected}")
    result = np.zeros(mask.shape, np.uint8)
    for theirs, ours in names.items():
        result[mask == theirs] = ours
    if not (result == LV).any():
        raise InputError(f"{where}: the mask holds no LV; expected {expected}")
    return result


def subject(name: str, source: str, frames: list, masks: list, distances_mm: tuple, extra: dict) -> Subject:
    """A Subject of an ED and an ES frame (each (slices, rows, columns)), turned so that slices run base to apex.

    distances_mm: row, column, slice. Volumes by Simpson's rule from the masks. A stack that had to be turned says
    so in ``extra["mended"]``.
    """
    images, labelled = np.stack(frames, axis=1), np.stack(masks, axis=1)
    if apex_first(labelled):
        images, labelled = images[::-1], labelled[::-1]
        extra = extra | {"mended": "slices turned to run from base to apex"}
    row_mm, column_mm, gap_mm = distances_mm
    edv_ml, esv_ml = volume_ml(labelled, row_mm * column_mm, gap_mm)
    return Subject(name, source, images, labelled, (row_mm, column_mm), gap_mm, float(edv_ml), float(esv_ml), extra)


def apex_first(masks: np.ndarray) -> bool:
    """Whether both ventricles together are smaller at the first end of the LV than at the last, at ED.

    masks: (slices, 2, H, W). The LV alone does not decide: in an apical aneurysm it is largest at the apex.
    """
    lv = masks[:, 0] == LV
    areas = (lv | (masks[:, 0] == LABELS["rv"])).sum(axis=(1, 2))[lv.any(axis=(1, 2))]
    third = max(len(areas) // 3, 1)
    return bool(areas[:third].mean() < areas[-third:].mean())


def _pixdim(path: Path, header: type) -> list[float]:
    """(column, row, slice) distances as they stand in the file: nibabel itself takes 1 mm for a zero."""
    with nib.openers.ImageOpener(path) as file:
        return [float(size) for size in header.from_fileobj(file, check=False)["pixdim"][1:4]]


def _mm(distances_mm: tuple) -> str:
    return " x ".join(f"{size:g}" for size in distances_mm) + " mm"
