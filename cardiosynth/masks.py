"""Mask synthesis: new hearts from the ED and ES masks of one subject (paper, Methods, Eq. 1 and Fig. 2).

Masks are integer arrays (slices, 2, H, W) of the labels in ``volumes.LABELS``, phase 0 ED and 1 ES, on square
pixels. What is moved are nested contours, so that walls stay closed and the RV stays at the septum: the LV
cavity, the epicardial contour (LV and myocardium together) and the heart (all labels). Laid over one another
they leave LV, myocardium and, of the heart outside the epicardium, what is RV at ED or at ES.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from cardiosynth.cohort import ED, ES
from cardiosynth.distances import interpolate, scale_distances, shrink_into_absent, signed_distance
from cardiosynth.errors import InputError
from cardiosynth.recipes import Recipe
from cardiosynth.volumes import LABELS, LV

RV, MYOCARDIUM = LABELS["rv"], LABELS["myocardium"]


class Source:
    """The masks of one subject with their signed distances, shared by all recipes.

    masks: integer (slices, 2, H, W). Raises InputError for another shape or unknown labels.
    """

    def __init__(self, masks: np.ndarray):
        masks = _checked(masks)
        rv, heart = masks == RV, masks > 0
        structures = np.stack([masks == LV, heart & ~rv, heart, rv])  # (4, slices, 2, H, W)
        distances = np.empty(structures.shape)
        for index in np.ndindex(structures.shape[:3]):
            distances[index] = signed_distance(structures[index])
        self.touches_border = touches_border(masks)
        self._ed, self._es = shrink_into_absent(distances[:3, :, ED], distances[:3, :, ES])
        self._rv = distances[3].max(axis=1)  # positive where the RV is at ED or at ES
        self._frames: dict[tuple, np.ndarray] = {}

    def apply(self, recipe: Recipe) -> np.ndarray:
        """The candidate's masks, uint8 (slices, 2, H, W)."""
        power = 0.5 if recipe.gamma_acts_on == "area" else 1.0
        ed = self._frame(recipe.ed_alpha, recipe.steps, recipe.ed_gamma**power)
        es = self._frame(recipe.es_alpha, recipe.steps, recipe.es_gamma**power)
        return np.stack([ed, es], axis=1)

    def _frame(self, alpha: int, steps: int, scale: float) -> np.ndarray:
        """One frame, uint8 (slices, H, W), kept because each stands in several candidates."""
        key = alpha, steps, scale
        if key not in self._frames:
            distances = interpolate(self._ed, self._es, alpha, steps)
            distances[2] = np.minimum(distances[2], self._rv)
            self._frames[key] = compose(distances if scale == 1 else scale_distances(distances, scale))
        return self._frames[key]


def apply(recipe: Recipe, masks: np.ndarray) -> np.ndarray:
    """The masks of one candidate, uint8 (slices, 2, H, W), from its source's masks of the same shape."""
    return Source(masks).apply(recipe)


def synthesise(masks: np.ndarray, chosen: Iterable[Recipe]) -> Iterator[np.ndarray]:
    """The masks of many candidates of one source, one after another, measuring distances once."""
    source = Source(masks)
    for recipe in chosen:
        yield source.apply(recipe)


def compose(distances: np.ndarray) -> np.ndarray:
    """Labels, uint8 (slices, H, W), from the distances (3, slices, H, W) of LV, epicardial contour and RV."""
    lv, epicardium, rv = distances > 0
    return np.where(lv, LV, np.where(epicardium, MYOCARDIUM, np.where(rv, RV, 0))).astype(np.uint8)


def touches_border(masks: np.ndarray) -> bool:
    """Whether the LV reaches the edge of the frame in any slice and phase, so that part of it may be cut off."""
    lv = masks == LV
    return bool(lv[..., [0, -1], :].any() or lv[..., [0, -1]].any())


def _checked(masks) -> np.ndarray:
    masks = np.asarray(masks)
    if masks.ndim != 4 or masks.shape[1] != 2 or min(masks.shape) < 1 or masks.dtype.kind not in "ui":
        raise InputError(f"masks have shape {masks.shape} and type {masks.dtype}; expected integers (slices, 2, H, W)")
    unknown = sorted(set(np.unique(masks).tolist()) - set(LABELS.values()))
    if unknown:
        raise InputError(f"unknown mask labels {unknown}; expected 0 background, 1 RV, 2 myocardium, 3 LV")
    return masks
