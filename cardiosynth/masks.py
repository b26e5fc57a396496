"""Mask synthesis: new hearts from the ED and ES masks of one subject (paper, Methods, Eq. 1 and Fig. 2).

Two operations change the ejection fraction. *Interpolation* of signed distances gives F = 11 masks between
ES and ED; pairing one with an original frame lowers the EF. *Scaling* makes ED bigger and ES smaller, which
raises it. A candidate is a ``Recipe``, plain data; its masks are made again from it, bit for bit.

Masks are integer arrays (slices, 2, H, W) of the labels in ``volumes.LABELS``, phase 0 ED and 1 ES, on square
pixels. What is moved are nested contours, so that walls stay closed and the RV stays at the septum: the LV
cavity, the epicardial contour (LV and myocardium together) and the heart (all labels). Laid over one another
they leave LV, myocardium and, of the heart outside the epicardium, what is RV at ED or at ES.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from cardiosynth.cohort import ED, ES, Cohort
from cardiosynth.distances import interpolate, scale_distances, shrink_into_absent, signed_distance
from cardiosynth.errors import InputError
from cardiosynth.study import Masks
from cardiosynth.volumes import LABELS, LV, ejection_fraction, volume_ml

RV, MYOCARDIUM = LABELS["rv"], LABELS["myocardium"]
OPERATIONS = ("original", "ed-interpolated", "interpolated-es", "scaled")
GAMMA_DECIMALS = 6  # a CSV reader may be off in the last bit; rounding makes the recipe the same again


# ---------------------------------------------------------------- recipes

@dataclass(frozen=True)
class Recipe:
    """How one candidate is made from the masks of ``source_id``: everything, so that it can be made again.

    operation: one of OPERATIONS. ed_alpha, es_alpha: place of each frame between ES (0) and ED (``steps``).
    ed_gamma, es_gamma: its scale, acting on areas (lengths by the root) or on lengths.
    """

    id: str
    source_id: str
    operation: str
    ed_alpha: int
    es_alpha: int
    steps: int
    ed_gamma: float = 1.0
    es_gamma: float = 1.0
    gamma_acts_on: str = "area"

    def __post_init__(self):
        for name in ("ed_alpha", "es_alpha"):
            if not 0 <= getattr(self, name) <= self.steps:
                raise InputError(f"{self.id}: {name} is {getattr(self, name)}; expected 0 (ES) to {self.steps} (ED)")
        for name in ("ed_gamma", "es_gamma"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(f"{self.id}: {name} is {getattr(self, name)}; expected a positive number")
            object.__setattr__(self, name, round(float(getattr(self, name)), GAMMA_DECIMALS))
        if self.operation not in OPERATIONS or self.gamma_acts_on not in ("area", "length"):
            raise InputError(
                f"{self.id}: operation {self.operation!r} with gamma on {self.gamma_acts_on!r}; "
                f"expected one of {', '.join(OPERATIONS)}, and area or length"
            )


def enumerate_recipes(source_id: str, settings: Masks) -> list[Recipe]:
    """All candidates of one subject, in a fixed order: by default 11 + 11 interpolated and 13 scaled.

    Interpolated masks have alpha = 1..F over F + 1 steps, because the open interval (0, F) of the paper holds
    only F - 1 whole numbers. Each stands in for ES (``ed-interpolated``) and for ED (``interpolated-es``).

    The values of gamma are evenly spaced on the printed half-open intervals. ``paired`` goes from the weakest
    change (ES 0.977, ED 1) to the strongest (0.7, 1.185), so no pair repeats the original; on coarse pixels the
    weakest may, as it moves contours by less than half a pixel. ``separate`` scales one frame at a time; its
    ED values start at 1, where the pair is the original. Raises InputError for an interval without width.
    """
    steps = settings.interpolations + 1
    inner = range(1, steps)
    ed_scales, es_scales = _scales(settings)
    specs = [("ed-interpolated", steps, alpha, 1.0, 1.0) for alpha in inner]
    specs += [("interpolated-es", alpha, 0, 1.0, 1.0) for alpha in inner]
    if settings.scaling == "paired":
        specs += [("scaled", steps, 0, ed, es) for ed, es in zip(ed_scales, es_scales)]
    else:
        specs += [("scaled", steps, 0, 1.0, es) for es in es_scales]
        specs += [("scaled", steps, 0, ed, 1.0) for ed in ed_scales]
    if settings.include_original:
        specs = [("original", steps, 0, 1.0, 1.0)] + specs
    found = []
    for number, (operation, ed_alpha, es_alpha, *gammas) in enumerate(specs):
        name = f"{source_id}-{number:02d}-{operation}"
        found.append(Recipe(name, source_id, operation, ed_alpha, es_alpha, steps, *gammas, settings.gamma_acts_on))
    return found


def _scales(settings: Masks) -> tuple[np.ndarray, np.ndarray]:
    """Values of gamma for ED and ES, each from the weakest change to the strongest."""
    for name in ("ed_scale", "es_scale"):
        low, high = getattr(settings, name)
        if not low < high:
            raise InputError(f"masks.{name}: [{low}, {high}] is no interval; expected the lower end first")
    ed = np.linspace(*settings.ed_scale, settings.scales, endpoint=False)
    es = np.linspace(*settings.es_scale, settings.scales, endpoint=False)[::-1]
    return ed, es


def recipes(table: pd.DataFrame) -> list[Recipe]:
    """The recipes of a table that has their columns, such as the one ``candidates`` makes or a CSV of it."""
    names = [field.name for field in fields(Recipe)]
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError(f"the table of candidates lacks {', '.join(missing)}; make it again with the synthesis stage")
    return [Recipe(**row) for row in table[names].to_dict("records")]


# ---------------------------------------------------------------- masks

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


# ---------------------------------------------------------------- candidates

def candidates(cohort: Cohort, settings: Masks, progress: Callable[[Iterable], Iterable] | None = None) -> pd.DataFrame:
    """Every recipe of every subject of the cohort with its volumes, one row each.

    Columns: those of Recipe, then split, slices, slice_gap_mm and spacing_mm (of the source, the gap
    replaced where ``synthetic_gap_mm`` is a number: the paper assumes 8), edv_ml, esv_ml, ef (percent),
    kept and reason (empty where kept). progress wraps the subjects, as tqdm does. Volumes are counted on the
    cohort's grid. Raises InputError where the cohort has no masks or no subjects.
    """
    if not len(cohort):
        raise InputError(f"{cohort.folder}: no subjects in the splits chosen; masks are made from at least one")
    masks, rows = cohort.masks(), []
    for source_id in progress(cohort.table.index) if progress else cohort.table.index:
        subject = cohort.table.loc[source_id]
        gap_mm = subject["slice_gap_mm"] if settings.synthetic_gap_mm == "source" else settings.synthetic_gap_mm
        shared = {
            "split": subject["split"],
            "slices": int(subject["slices"]),
            "slice_gap_mm": float(gap_mm),
            "spacing_mm": float(subject["spacing_mm"]),
        }
        source = Source(masks[cohort.rows(source_id)])
        for recipe in enumerate_recipes(source_id, settings):
            rows.append(asdict(recipe) | shared | _measure(source, recipe, shared, settings))
    return pd.DataFrame(rows)


def _measure(source: Source, recipe: Recipe, shared: dict, settings: Masks) -> dict:
    """Volumes of one candidate and whether it is kept."""
    masks = source.apply(recipe)
    edv_ml, esv_ml = volume_ml(masks, shared["spacing_mm"] ** 2, shared["slice_gap_mm"]).round(4).tolist()
    ef = round(float(ejection_fraction(edv_ml, esv_ml)), 4) if edv_ml > 0 else np.nan
    reason = ""
    if edv_ml == 0 or esv_ml == 0:
        reason = "no lv"
    elif source.touches_border or touches_border(masks):  # a source cut by the frame has no true shape to move
        reason = "touches border"
    elif ef < settings.minimum_ef:
        reason = f"ef below {settings.minimum_ef:g}"
    elif ef > settings.maximum_ef:
        reason = f"ef above {settings.maximum_ef:g}"
    return {"edv_ml": edv_ml, "esv_ml": esv_ml, "ef": ef, "kept": not reason, "reason": reason}


def read_candidates(path) -> pd.DataFrame:
    """Read a CSV of ``candidates`` (with any added columns): numbers and empty reasons come back as they were."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such table of candidates; run the synthesis stage first")
    table = pd.read_csv(path, dtype={"id": str, "source_id": str}, float_precision="round_trip")
    return table.fillna({"reason": ""})
