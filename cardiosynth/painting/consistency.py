"""Do the frames and the slices of a painted heart belong together? What changes around the heart, beside what changes in real ones.

The paper names backgrounds that differ between ED and ES and between slices as the price of painting each frame alone. Real
backgrounds change too, by noise, breathing and what moves with the heart: what is measured is the change in painted stacks over
that in real ones, of grey levels as they are and without fine noise.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt, gaussian_filter

from cardiosynth.study.errors import InputError

MARGIN_MM = 6.0
SMOOTH_MM = 3.0  # half the margin: of a step at the heart's edge, 2 % leak into the background


def background(masks: np.ndarray, spacing_mm: tuple[float, float], margin_mm: float = MARGIN_MM) -> np.ndarray:
    """Pixels, boolean (slices, H, W), more than ``margin_mm`` from the heart (any label) at ED and at ES.

    masks: (slices, 2, H, W). spacing_mm: of rows and of columns. A slice without heart is background throughout.
    """
    heart = (masks > 0).any(axis=1)
    return np.stack([distance_transform_edt(~one, spacing_mm) > margin_mm if one.any() else ~one for one in heart])


def phase_change(images: np.ndarray, masks: np.ndarray, spacing_mm: tuple[float, float]) -> float:
    """Mean absolute difference of grey level between ED and ES over the background of a stack (slices, 2, H, W); NaN without any."""
    return _mean(np.abs(images[:, 0].astype(float) - images[:, 1])[background(masks, spacing_mm)])


def slice_change(images: np.ndarray, masks: np.ndarray, spacing_mm: tuple[float, float]) -> float:
    """The same between neighbouring slices of one phase, where both are background; NaN for a single slice."""
    where = background(masks, spacing_mm)
    return _mean(np.abs(np.diff(images.astype(float), axis=0)).swapaxes(0, 1)[:, where[1:] & where[:-1]])


def changes(hearts: Iterable[tuple]) -> pd.DataFrame:
    """Both changes of each heart, a row each. hearts: (images, masks, spacing_mm).

    Columns ed_es_change, slice_change and, of images blurred by a Gaussian of 3 mm, ed_es_change_smooth, slice_change_smooth.
    All in grey levels. Raises InputError without hearts.
    """
    rows = []
    for images, masks, spacing_mm in hearts:
        row = {}
        for suffix, stack in (("", images), ("_smooth", _smooth(images, spacing_mm))):
            row[f"ed_es_change{suffix}"] = phase_change(stack, masks, spacing_mm)
            row[f"slice_change{suffix}"] = slice_change(stack, masks, spacing_mm)
        rows.append(row)
    if not rows:
        raise InputError("there are no hearts whose change could be measured; give the study more subjects")
    return pd.DataFrame(rows)


def relative(painted: pd.DataFrame, real: pd.DataFrame) -> dict[str, float]:
    """Mean change of painted hearts over that of real ones, of every column: 1 where painted hearts change as real ones do.

    NaN where real ones do not change at all.
    """
    return {name: float(painted[name].mean() / real[name].mean()) if real[name].mean() > 0 else float("nan") for name in real}


def _smooth(images: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    return gaussian_filter(images.astype(float), (0, 0, *(SMOOTH_MM / mm for mm in spacing_mm)), mode="nearest")


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
