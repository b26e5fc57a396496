"""NIfTI files as the hearts of a scan: one grid for images and masks, the project's labels, slices from base to apex."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cardiosynth.data.readers import contents
from cardiosynth.data.readers.layout import Notes
from cardiosynth.data.readers.nifti_file import Nifti, read
from cardiosynth.data.readers.nifti_grid import Order, onto, shared_sizes
from cardiosynth.data.readers.nifti_header import SAME_SIZE, in_mm
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import LABELS, LV, volume_ml
from cardiosynth.study.errors import InputError

GREY = range(32, 256)
NEAR_INTEGER = 0.01  # a label that went through a scaling is no other label
TURNED = "slices turned to run from base to apex"


@dataclass(frozen=True)
class Frames:
    """images: (slices, phases, rows, columns), slices in the file's order. masks: the same in the project's labels, or None.

    distances_mm: row, column, slice. towards: unit vector (left, back, head) in which the slices rise, or None where the
    file does not tell.
    """

    images: np.ndarray
    masks: np.ndarray | None
    distances_mm: tuple[float, float, float]
    towards: np.ndarray | None
    notes: Notes = field(default_factory=Notes)


def pair(images: list[Path], masks: list[Path], names: dict[int, int]) -> Frames:
    """ED and ES where each has its own image and mask file.

    images, masks: the ED file, then the ES file; masks may be empty. names: source label -> ours. Raises InputError
    naming the file that is bad, the ES image where it is not on the grid of the ED image, or the mask where it is not.
    """
    ed, es = (read(path) for path in images)
    es = onto(es, ed, "the ES image")
    lost = [np.allclose(one.sizes_mm, 1, rtol=SAME_SIZE) for one in (ed, es)]
    if ed.array.shape != es.array.shape or not (any(lost) or np.allclose(ed.sizes_mm, es.sizes_mm, rtol=SAME_SIZE)):
        raise InputError(
            f"{images[1]}: shape {_shape(es)} with {in_mm(es.sizes_mm)}, but {_shape(ed)} with {in_mm(ed.sizes_mm)} at ED (x, y, z); "
            "expected one grid, so convert the scan again"
        )
    drawn = [_mask(path, ed, names) for path in masks]
    return _frames([ed, es], drawn, [ed.array, es.array], [mask.array for mask in drawn])


def cine(path: Path) -> Frames:
    """A file of all phases, without masks. Raises InputError naming the file where it is bad."""
    file = read(path, dimensions=4)
    return _frames([file], [], list(np.moveaxis(file.array, 3, 0)), [])


def two_phases(path: Path, mask_path: Path, numbers: list[int], names: dict[int, int], origin: str) -> Frames:
    """ED and ES of a file of all phases and of its masks. numbers: of the two frames, counted from 0. origin: what names them.

    Raises InputError naming the file that is bad, or the frame whose mask is.
    """
    image = read(path, dimensions=4)
    mask = onto(read(mask_path, dimensions=4), image, "the mask")
    _refuse_other_shape(mask_path, mask, image)
    if max(numbers) >= image.array.shape[3]:
        raise InputError(f"{path}: {image.array.shape[3]} frames, but {origin} names frame {max(numbers)}, counted from 0; is it the right file?")
    masks = [relabel(mask.array[..., number], names, f"{mask_path}, frame {number}") for number in numbers]
    return _frames([image], [mask], [image.array[..., number] for number in numbers], masks)


def relabel(mask: np.ndarray, names: dict[int, int], where) -> np.ndarray:
    """Source labels to the project's, as uint8. where: what a sentence starts with, such as the file.

    Raises InputError for a label that the layout does not have, and where no LV is left.
    """
    if mask.dtype.kind == "f":
        nearest = np.rint(mask)
        mask = nearest if np.abs(mask - nearest).max() < NEAR_INTEGER else mask
    values = np.unique(mask[mask != 0])  # few pixels are not background
    unknown = sorted(set(values.tolist()) - set(names))
    expected = ", ".join(f"{theirs} {contents.NAMES[ours]}" for theirs, ours in sorted({0: 0, **names}.items()))
    if unknown:
        labels = ", ".join(f"{value:.4g}" for value in unknown[:6])
        if all(value in GREY for value in unknown):
            raise InputError(
                f"{where}: mask labels {labels} look like the grey values of a picture of labels; expected {expected}, "
                "so export the labels themselves"
            )
        raise InputError(f"{where}: unknown mask labels {labels}; expected {expected}")
    result = np.zeros(mask.shape, np.uint8)
    for theirs, ours in names.items():
        result[mask == theirs] = ours
    if not (result == LV).any():
        raise InputError(f"{where}: the mask holds no LV; expected {expected}")
    return result


def subject(name: str, source: str, frames: Frames, extra: dict, where) -> Subject:
    """A Subject of the two phases of ``frames``, turned so that slices run base to apex, its volumes by Simpson's rule from the masks.

    where: what a sentence starts with, such as the folder. Raises InputError where the masks cannot be what they are called
    or leave out a slice of the LV.
    """
    masks, notes = frames.masks, frames.notes
    images = _finite(frames.images, masks, notes)
    if apex_first(masks):
        images, masks = images[::-1], masks[::-1]
        notes.mended.append(TURNED)
    doubts = contents.doubts(images, masks, where)
    if holes := [phrase for phrase in doubts if phrase.startswith("no LV")]:
        raise InputError(f"{where}: {'; '.join(holes)}; draw the LV there, remove what is stray, or leave the patient out")
    notes.doubts.extend(doubts)
    row_mm, column_mm, gap_mm = frames.distances_mm
    edv_ml, esv_ml = volume_ml(masks, row_mm * column_mm, gap_mm)
    return Subject(name, source, images, masks, (row_mm, column_mm), gap_mm, float(edv_ml), float(esv_ml), extra | notes.extra())


def _finite(images: np.ndarray, masks: np.ndarray, notes: Notes) -> np.ndarray:
    """Images whose pixels that are NaN or infinite and lie beside the heart, as after resampling, are the darkest; else as they are."""
    if images.dtype.kind != "f" or (finite := np.isfinite(images)).all() or not finite[masks > 0].all():
        return images
    notes.mended.append(f"{100 * (1 - finite.mean()):.1f} % of the pixels, none of them of the heart, were NaN or infinite: made black")
    return np.where(finite, images, images[finite].min())


def apex_first(masks: np.ndarray) -> bool:
    """Whether both ventricles together are smaller at the first end of the LV than at the last, at ED.

    masks: (slices, 2, H, W). The LV alone does not decide: in an apical aneurysm it is largest at the apex.
    """
    lv = masks[:, 0] == LV
    areas = (lv | (masks[:, 0] == LABELS["rv"])).sum(axis=(1, 2))[lv.any(axis=(1, 2))]
    third = max(len(areas) // 3, 1)
    return bool(areas[:third].mean() < areas[-third:].mean())


def _mask(path: Path, image: Nifti, names: dict[int, int]) -> Nifti:
    mask = onto(read(path), image, "the mask")
    _refuse_other_shape(path, mask, image)
    return Nifti(mask.path, relabel(mask.array, names, path), mask.sizes_mm, mask.affine, mask.notes)


def _refuse_other_shape(path: Path, mask: Nifti, image: Nifti) -> None:
    if mask.array.shape != image.array.shape:
        raise InputError(f"{path}: the mask has shape {_shape(mask)}, the image {_shape(image)}; they must agree")


def _frames(files: list[Nifti], drawn: list[Nifti], images: list[np.ndarray], masks: list[np.ndarray]) -> Frames:
    """files, drawn: of the images and of the masks. images, masks: one phase each, (x, y, z); masks may be empty."""
    sizes_mm = files[0].sizes_mm
    for other, what in [(file, "the ES image") for file in files[1:]] + [(mask, "the mask") for mask in drawn]:
        sizes_mm = shared_sizes(replace(files[0], sizes_mm=sizes_mm), other, what)
    order, notes = Order(files[0], sizes_mm), Notes()
    for file in (*files, *drawn):
        notes.mended.extend(file.notes.mended)
        notes.doubts.extend(file.notes.doubts)
    pixels, labels = (_together(order, phases) if phases else None for phases in (images, masks))
    return Frames(pixels, labels, order.distances_mm, order.towards, notes)


def _together(order: Order, phases: list[np.ndarray]) -> np.ndarray:
    """Phases (x, y, z) as (slices, phases, rows, columns), in that order in memory too: what counts by slice is slow otherwise."""
    return np.ascontiguousarray(np.stack([order.apply(phase) for phase in phases], axis=1))


def _shape(file: Nifti) -> tuple[int, ...]:
    return tuple(int(length) for length in file.array.shape)
