"""Mask synthesis: new hearts from the ED and ES masks of one subject (paper, Methods, Eq. 1 and Fig. 2).

Masks are integer arrays (slices, 2, H, W) of the labels in ``volumes.LABELS``, phase 0 ED and 1 ES, on square
pixels. What is moved are nested contours, so that walls stay closed and the RV stays at the septum: the LV
cavity, the epicardial contour (LV and myocardium together) and the heart (all labels). Laid over one another
they leave LV, myocardium and, of the heart outside the epicardium, what is RV at ED or at ES.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np

from cardiosynth.data.subject import ED, ES
from cardiosynth.data.volumes import LABELS, LV, MYOCARDIUM, RV
from cardiosynth.masks.anatomy import examine
from cardiosynth.masks.distances import (
    bounding_box,
    centres,
    interpolate,
    scale_distances,
    scale_part,
    scaled_edges,
    shrink_into_absent,
    signed_distances,
)
from cardiosynth.masks.mending import Mender
from cardiosynth.masks.recipes import Recipe
from cardiosynth.masks.variants import vary
from cardiosynth.study.errors import InputError

PAINTED = RV, MYOCARDIUM, LV  # from the back to the front


class Source:
    """The masks of one subject with their signed distances, shared by all recipes.

    masks: integer (slices, 2, H, W). Raises InputError for another shape or unknown labels. Only the box that
    holds a structure in any slice and phase is computed: outside it is nowhere, and distances inside it are those
    of the whole frame, as one more pixel all around holds the nearest background.
    """

    def __init__(self, masks: np.ndarray):
        self._masks = _checked(masks)
        self.touches_border = touches_border(self._masks)
        self.mender = Mender(self._masks, examine(self._masks))
        lv, epicardium, heart, rv = _structures(self._masks)
        self._boxes = [bounding_box(rv if rv.any() else heart), bounding_box(epicardium), bounding_box(lv)]  # as PAINTED
        self._ends = [_ends(structure, box) for structure, box in zip((heart, epicardium, lv), self._boxes)]
        ever = np.any(rv, axis=1, keepdims=True)  # the RV at ED or at ES
        self._rv = np.ascontiguousarray(signed_distances(ever)[:, 0, *self._boxes[0]])
        self._originals: dict[float, tuple] = {}
        self._frames: dict[tuple, np.ndarray] = {}

    def apply(self, recipe: Recipe) -> np.ndarray:
        """The candidate's masks, uint8 (slices, 2, H, W)."""
        if recipe.variant != "plain":
            ed, es = (self.distances(alpha, recipe.steps, scale) for alpha, scale in _moves(recipe))
            ed, es = vary(ed, es, recipe)
            return np.stack([self.mender.mend(compose(frame)) for frame in (ed, es)], axis=1)
        return np.stack([self._frame(alpha, recipe.steps, scale) for alpha, scale in _moves(recipe)], axis=1)

    def leaves_frame(self, recipe: Recipe) -> bool:
        """Whether scaling moves any of the LV or the epicardial contour beyond the frame, where it would be cut off.

        Judged by the edges of the scaled shapes, not by the masks, which may be cut without touching the border.
        """
        return any(scale > 1 and self._overflows(alpha, recipe.steps, scale) for alpha, scale in _moves(recipe))

    def distances(self, alpha: int, steps: int, scale: float = 1.0) -> np.ndarray:
        """Distances, float32 (3, slices, H, W), of LV, epicardial contour and RV over the whole frame.

        The third is the heart, limited to where the RV is at ED or at ES. alpha of steps: between ES and ED.
        scale: of lengths. ``compose`` makes a mask of them.
        """
        ed, es, rv = self.ends
        distances = interpolate(ed, es, alpha, steps)
        distances[2] = np.minimum(distances[2], rv)
        return distances if scale == 1 else scale_distances(distances, scale)

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distances of all three contours at ED and at ES and of the RV over the whole frame."""
        lv, epicardium, heart, rv = _structures(self._masks)
        distances = signed_distances(np.stack([lv, epicardium, heart]), cropped=False)
        ends = shrink_into_absent(distances[:, :, ED], distances[:, :, ES])
        return *ends, signed_distances(np.any(rv, axis=1, keepdims=True), cropped=False)[:, 0]

    def _frame(self, alpha: int, steps: int, scale: float) -> np.ndarray:
        """One frame, uint8 (slices, H, W). Those not scaled are kept, as each stands in several candidates."""
        if scale != 1:
            parts, middle = self._centred(alpha, steps)
            return self._paint([scale_part(field, middle, scale, _corner(box), self._masks.shape[2:]) for box, field in parts])
        if (alpha, steps) not in self._frames:
            self._frames[alpha, steps] = self._paint(list(zip(self._boxes, self._fields(alpha, steps))))
        return self._frames[alpha, steps]

    def _paint(self, parts: list[tuple]) -> np.ndarray:
        """A frame from (box, distances in the box) of RV, epicardial contour and LV, mended."""
        frame = np.zeros((len(self._masks), *self._masks.shape[2:]), np.uint8)
        for label, (box, field) in zip(PAINTED, parts):
            np.copyto(frame[:, *box], label, where=field > 0)
        (rv_box, _), _, (lv_box, _) = parts
        return self.mender.mend(frame, lv_box, rv_box)

    def _fields(self, alpha: int, steps: int) -> list[np.ndarray]:
        """Distances (slices, h, w) of RV, epicardial contour and LV in their boxes, before scaling."""
        heart, epicardium, lv = (interpolate(*ends, alpha, steps) for ends in self._ends)
        return [np.minimum(heart, self._rv), epicardium, lv]

    def _centred(self, alpha: int, steps: int) -> tuple[list[tuple], np.ndarray]:
        """What scaling starts from: boxes as small as they can be with their ``_fields``, and the places it keeps (slices, 2).

        Kept for the original frames, with which most scaling starts.
        """
        key = alpha / steps
        if key in self._originals:
            return self._originals[key]
        parts = [_trimmed(box, field) for box, field in zip(self._boxes, self._fields(alpha, steps))]
        middle = centres([field > 0 for _, field in parts[::-1]], [_corner(box) for box, _ in parts[::-1]])
        if key in (0, 1):
            self._originals[key] = parts, middle
        return parts, middle

    def _overflows(self, alpha: int, steps: int, scale: float) -> bool:
        parts, middle = self._centred(alpha, steps)
        for box, field in parts[1:]:
            for axis in (0, 1):
                inside = (field > 0).any(axis=2 - axis)  # (slices, rows or columns)
                slices = inside.any(axis=1)
                first = box[axis].start + inside.argmax(axis=1)
                last = box[axis].stop - 1 - inside[:, ::-1].argmax(axis=1)
                low, high = scaled_edges(first, last, middle[:, axis], scale)
                if (slices & ((low < -0.5) | (high > self._masks.shape[2 + axis] - 0.5))).any():
                    return True
        return False


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


def touches_border(masks: np.ndarray, least: int = LV) -> bool:
    """Whether the LV reaches the edge of the frame in any slice and phase, so that part of it may be cut off.

    least: the lowest label that counts; MYOCARDIUM for the whole epicardial contour.
    """
    return bool((masks[..., [0, -1], :] >= least).any() or (masks[..., [0, -1]] >= least).any())


def _moves(recipe: Recipe) -> list[tuple[int, float]]:
    """Place between ES and ED and scale of lengths of the candidate's frames, ED first."""
    power = 0.5 if recipe.gamma_acts_on == "area" else 1.0
    return [(recipe.ed_alpha, recipe.ed_gamma**power), (recipe.es_alpha, recipe.es_gamma**power)]


def _structures(masks: np.ndarray) -> tuple[np.ndarray, ...]:
    """LV, LV with myocardium, heart and RV, boolean (slices, 2, H, W) each."""
    rv, heart = masks == RV, masks > 0
    return masks == LV, heart & ~rv, heart, rv


def _corner(box: tuple[slice, ...]) -> tuple[int, int]:
    return box[0].start, box[1].start


def _trimmed(box: tuple[slice, ...], field: np.ndarray) -> tuple[tuple[slice, ...], np.ndarray]:
    """The part (slices, h, w) of a field in a box that holds what is positive and a pixel all around, and its box."""
    inner = bounding_box(field > 0)
    return tuple(slice(b.start + i.start, b.start + i.stop) for b, i in zip(box, inner)), np.ascontiguousarray(field[:, *inner])


def _ends(structure: np.ndarray, box: tuple[slice, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Distances (slices, h, w) of a structure (slices, 2, H, W) at ED and at ES within a box, measured in the frame."""
    distances = signed_distances(structure)
    ed, es = (np.ascontiguousarray(end[..., *box]) for end in shrink_into_absent(distances[:, ED], distances[:, ES]))
    return ed, es


def _checked(masks) -> np.ndarray:
    masks = np.asarray(masks)
    if masks.ndim != 4 or masks.shape[1] != 2 or min(masks.shape) < 1 or masks.dtype.kind not in "ui":
        raise InputError(f"masks have shape {masks.shape} and type {masks.dtype}; expected integers (slices, 2, H, W)")
    if masks.min() < 0 or masks.max() > LV:  # the labels are 0 to 3; naming the unknown ones takes longer
        unknown = sorted(set(np.unique(masks).tolist()) - set(LABELS.values()))
        raise InputError(f"unknown mask labels {unknown}; expected 0 background, 1 RV, 2 myocardium, 3 LV")
    return masks
