"""A cohort as the PNG pairs of Kaggle's Data Science Bowl (``cardiosynth.data.readers.kaggle_png`` reads them).

The layout has 1 mm pixels, 8-bit images, whole-millimetre slice locations and LV masks: what is finer is lost.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cardiosynth.data.preprocessing import normalise, sample_linear, sample_nearest
from cardiosynth.data.readers.kaggle_png import FOLDER, FRAMES, LAST_TRAIN, LAST_VALIDATION, ORIGIN_MM, PIXEL_MM, TABLE
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import LV
from cardiosynth.data.writers.export_folder import checked, new_folder, row
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Grid

LAYOUT = "Kaggle PNG"
FIRST = {"train": 1, "validation": LAST_TRAIN + 1, "test": LAST_VALIDATION + 1, "extra_test": LAST_VALIDATION + 1}
LAST = {"train": LAST_TRAIN, "validation": LAST_VALIDATION, "test": 9999, "extra_test": 9999}
LEAST_PX, MOST_PX = 32, 512  # sizes that a Grid may have
LEAST_GAP_MM = 2.0  # closer slices would be told apart by rounding alone


def write(root: Path, subjects: Iterable[Subject]) -> list[dict]:
    """Write the PNG pairs as the subjects come, and TABLE at the end.

    Patients are numbered within the competition's parts: train from 1, validation from 501, the others from 701.
    Returns a row a subject: id, exported_as, edv_ml, esv_ml (voxel sums on the 1 mm grid, with the true gap).
    Raises InputError for a folder that is not empty, a subject without masks, of one slice, of slices less than
    2 mm apart or without LV on the new grid, and where a part is full.
    """
    root, rows, following = new_folder(root, LAYOUT), [], {}
    (root / FOLDER).mkdir()
    for subject in subjects:
        split = subject.extra.get("split", "train")
        number = following.get(FIRST[split], FIRST[split])
        if number > LAST[split]:
            raise InputError(f"{subject.id}: no number left for {split}, which ends at {LAST[split]} in this layout; export fewer subjects")
        following[FIRST[split]] = number + 1
        gridded = _on_grid(checked(subject, LAYOUT))
        _write_pairs(root / FOLDER, number, gridded)
        rows.append(row(gridded, f"kaggle-{number:04d}"))
    columns = {
        "Id": [int(row["exported_as"][-4:]) for row in rows],
        "Systole": [round(row["esv_ml"], 4) for row in rows],
        "Diastole": [round(row["edv_ml"], 4) for row in rows],
    }
    pd.DataFrame(columns).to_csv(root / TABLE, index=False)
    return rows


def _on_grid(subject: Subject) -> Subject:
    """The subject on square 1 mm pixels that hold all of the scan, about its centre; LV masks alone."""
    if len(subject.images) < 2 or subject.slice_gap_mm < LEAST_GAP_MM:
        raise InputError(
            f"{subject.id}: {len(subject.images)} slices {subject.slice_gap_mm:g} mm apart; the {LAYOUT} layout keeps whole "
            f"millimetres, so it needs two or more slices at least {LEAST_GAP_MM:g} mm apart"
        )
    extents = [size * spacing / PIXEL_MM for size, spacing in zip(subject.images.shape[2:], subject.spacing_mm, strict=True)]
    size = min(max(ceil(max(extents) - 1e-6), LEAST_PX), MOST_PX)
    grid = Grid(size_px=size, extent_mm=size * PIXEL_MM)
    images = sample_linear(subject.images, subject.spacing_mm, grid)
    images = np.rint(images).astype(np.uint8) if subject.images.dtype == np.uint8 else normalise(images, grid, subject.id)
    masks = sample_nearest(np.where(subject.masks == LV, LV, 0), subject.spacing_mm, grid)
    if not (masks == LV).any(axis=(0, 2, 3)).all():
        raise InputError(f"{subject.id}: no LV left on 1 mm pixels at ED or ES; the {LAYOUT} layout needs it at both")
    return replace(subject, images=images, masks=masks, spacing_mm=(PIXEL_MM, PIXEL_MM))


def _write_pairs(folder: Path, number: int, subject: Subject) -> None:
    for index in range(len(subject.images)):
        location = ORIGIN_MM + round(index * subject.slice_gap_mm)
        for phase, frame in enumerate(FRAMES):
            name = f"{number:04d}_00000sax_{frame}_{location:05d}_IM-{index + 1:05d}-{int(frame):04d}"
            Image.fromarray(subject.images[index, phase]).save(folder / f"{name}.png")
            Image.fromarray(np.where(subject.masks[index, phase] == LV, 255, 0).astype(np.uint8)).save(folder / f"{name}_o.png")
