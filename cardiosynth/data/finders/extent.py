"""Which slices hold the left ventricle, from the ED and ES images alone: the stack's base and apex.

Slices beyond the LV (atria, outflow tract, fat) move less, hold no bright disc in a dark ring that shrinks, and
differ from the slice next to them. A logistic regression on such measures gives each slice its log-odds of holding LV, and
the run of slices with the largest sum is the answer. ``extent.json`` keeps its coefficients, ``evidence/fit_extent.py``
makes them and says from whom.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from cardiosynth.data.finders.centre import STEP_MM, VOTE_MM, disc_votes, grid_centre, nearness, working_grid
from cardiosynth.study.errors import InputError

MODEL = Path(__file__).with_name("extent.json")
FEATURES = ("motion", "votes", "ejection", "contrast_ed", "contrast_es", "unevenness", "likeness")
LEAST_SLICES = 3
LEAST_MM = 50.0  # no adult LV is shorter
CUT_COST = 2.0  # cutting a slice with LV counts as much as keeping this many without: it loses volume, they can be ignored
DRIFT_MM = 12.0  # how far a slice's LV strays from the centre of all (SD)
RING_MM, RINGS = 6.0, 7  # rings about the slice's own centre
HEART_MM = 50.0  # the region in which neighbouring slices are compared


def extent(images: np.ndarray, spacing_mm: tuple[float, float], slice_gap_mm: float) -> slice:
    """The slices from base to apex that hold LV at ED or ES, contiguous.

    images: (slices, 2, H, W), ED and ES, of any intensity scale, slices ordered from base to apex. spacing_mm: pixel
    (row, column). slice_gap_mm: distance between slice centres. At least 3 slices and 50 mm come back where there
    are as many. Raises InputError as ``heart_centre`` does and for a gap that is not positive.
    """
    if not (np.isfinite(slice_gap_mm) and slice_gap_mm > 0):
        raise InputError(f"slice gap {slice_gap_mm} mm; expected a positive number")
    least = max(LEAST_SLICES, round(LEAST_MM / slice_gap_mm))
    return best_run(log_odds(features(images, spacing_mm), model()) + np.log(CUT_COST), least)


def best_run(scores: np.ndarray, least: int) -> slice:
    """The contiguous run of at least ``least`` (or all) slices with the largest sum of scores (slices,)."""
    count, sums = len(scores), np.concatenate([[0.0], np.cumsum(scores)])
    runs = [(first, last) for first in range(count) for last in range(first + min(least, count), count + 1)]
    return slice(*max(runs, key=lambda run: sums[run[1]] - sums[run[0]]))


def features(images: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """FEATURES of every slice, (slices, features), most of them relative to the median of the middle slices.

    Log motion; log votes for a disc at ED; how much darker the middle gets from ED to ES; contrast of the middle to
    the darkest ring at ED and at ES; SD around the rings at ED; correlation with the next slice towards the stack's middle.
    """
    grid = working_grid(images, spacing_mm)
    votes = disc_votes(grid)
    centre = grid_centre(grid, votes)
    votes = gaussian_filter(votes, (0, 0, VOTE_MM / STEP_MM, VOTE_MM / STEP_MM)) * nearness(grid.shape[2:], centre, DRIFT_MM)
    own = [np.unravel_index(both.sum(axis=0).argmax(), grid.shape[2:]) for both in votes]
    mean, sd = (np.array(part) for part in zip(*(_rings(planes, at) for planes, at in zip(grid, own))))  # (slices, 3, rings)
    ed, es, difference = mean[:, 0], mean[:, 1], mean[:, 2]
    count = len(grid)
    middle = slice(count // 4, count - count // 4)
    motion = difference.mean(axis=1) + 1e-3
    disc = votes[:, 0].max(axis=(1, 2))
    ejection = (ed - es)[:, :5].mean(axis=1)
    contrast_ed = ed[:, :2].mean(axis=1) - ed[:, 2:].min(axis=1)
    contrast_es = es[:, 0] - es[:, 1:].min(axis=1)
    uneven = sd[:, 0, 2:].mean(axis=1)
    return np.stack([
        np.log(motion / np.median(motion[middle])),
        np.log(disc / (np.median(disc[middle]) + 1e-6) + 0.05),
        ejection / (np.abs(ejection[middle]).max() + 1e-6),
        *(values - np.median(values[middle]) for values in (contrast_ed, contrast_es, uneven)),
        _likeness(grid, centre),
    ], axis=1)  # fmt: skip


def design(measured: np.ndarray) -> np.ndarray:
    """The regression's columns (slices, 2 features + 1): all features, those of the apical half again, and which half it is."""
    apical = (np.arange(len(measured)) >= len(measured) / 2).astype(float)[:, None]
    return np.hstack([measured, measured * apical, apical])


def log_odds(measured: np.ndarray, fitted: dict) -> np.ndarray:
    """Log-odds (slices,) of holding LV. fitted: ``intercept`` and ``coefficients`` for the columns of ``design``."""
    return fitted["intercept"] + design(measured) @ np.array(fitted["coefficients"])


@cache
def model() -> dict:
    """The committed regression."""
    return json.loads(MODEL.read_text(encoding="utf-8"))


def _rings(planes: np.ndarray, at) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD (3, RINGS) of ED, ES and their absolute difference in rings about a point. planes: (2, rows, columns)."""
    rows, columns = np.ogrid[: planes.shape[1], : planes.shape[2]]
    ring = (np.hypot(rows - at[0], columns - at[1]) * STEP_MM / RING_MM).astype(int)
    ring = np.minimum(ring, RINGS).ravel()
    count = np.maximum(np.bincount(ring, minlength=RINGS + 1), 1)
    stack = [planes[0], planes[1], np.abs(planes[0] - planes[1])]
    mean, square = (np.array([np.bincount(ring, plane.ravel() ** power, RINGS + 1) / count for plane in stack]) for power in (1, 2))
    return mean[:, :RINGS], np.sqrt(np.maximum(square - mean**2, 0))[:, :RINGS]


def _likeness(grid: np.ndarray, centre: tuple[int, int]) -> np.ndarray:
    """Correlation (slices,) of each slice with the next one towards the middle of the stack, near the heart."""
    rows, columns = np.ogrid[: grid.shape[2], : grid.shape[3]]
    near = np.hypot(rows - centre[0], columns - centre[1]) * STEP_MM < HEART_MM
    values = grid[:, :, near].reshape(len(grid), -1)
    values = values - values.mean(axis=1, keepdims=True)
    values /= np.linalg.norm(values, axis=1, keepdims=True) + 1e-9
    index = np.arange(len(grid))
    towards = np.clip(index + np.where(index < len(grid) // 2, 1, -1), 0, len(grid) - 1)
    return (values * values[towards]).sum(axis=1)
