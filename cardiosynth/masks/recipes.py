"""Recipes: how each synthetic heart is made from a real one, as plain data (paper, Methods, Fig. 2).

*Interpolation* between the signed distances of ES and ED gives F = 11 masks; pairing one with an original frame
lowers the EF. *Scaling* makes ED bigger and ES smaller, which raises it. The masks of a recipe are made again
from it, bit for bit (``masks``), so nothing else of a synthetic heart is stored.
"""

import zlib
from dataclasses import dataclass, fields
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Masks

OPERATIONS = ("original", "ed-interpolated", "interpolated-es", "scaled")
DECIMALS = 6  # a CSV reader may be off in the last bit; rounding makes the recipe the same again
INFARCT_ANGLES_DEG = (-90.0, 90.0)  # away from the RV, which lies towards the first column in the usual display


class Amount(NamedTuple):
    """What the ``amount`` of a variant means, the one recipes get, and the values allowed."""

    default: float
    low: float
    high: float
    meaning: str


DEFAULTS = {
    "plain": Amount(0.0, 0.0, 0.0, "none: as the paper makes it"),
    "conserved": Amount(1.0, 0.8, 1.25, "myocardial volume at ES over that at ED"),
    "shortened": Amount(0.15, 0.0, 0.3, "way of the base towards the apex over the LV's length at ED"),
    "hypertrophic": Amount(1.5, 1.0, 2.0, "wall thickness over that of the plain heart, both phases"),
    "dilated": Amount(1.2, 1.0, 1.5, "cavity's radius at ED over that of the plain heart"),
    "infarcted": Amount(100.0, 20.0, 180.0, "width of the sector that stands still, in degrees"),
}


@dataclass(frozen=True)
class Recipe:
    """How one candidate is made from the masks of ``source_id``: everything, so that it can be made again.

    operation: one of OPERATIONS. ed_alpha, es_alpha: place of each frame between ES (0) and ED (``steps``).
    ed_gamma, es_gamma: its scale, acting on areas (lengths by the root) or on lengths. variant, amount: what kind of
    heart is made of it and how much (``DEFAULTS``). angle_deg: middle of an infarct, [0, 360), else 0.
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
    variant: str = "plain"
    amount: float = 0.0
    angle_deg: float = 0.0

    def __post_init__(self):
        for name in ("ed_alpha", "es_alpha"):
            if not 0 <= getattr(self, name) <= self.steps:
                raise InputError(f"{self.id}: {name} is {getattr(self, name)}; expected 0 (ES) to {self.steps} (ED)")
        for name in ("ed_gamma", "es_gamma"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(f"{self.id}: {name} is {getattr(self, name)}; expected a positive number")
        if self.operation not in OPERATIONS or self.gamma_acts_on not in ("area", "length"):
            raise InputError(
                f"{self.id}: operation {self.operation!r} with gamma on {self.gamma_acts_on!r}; "
                f"expected one of {', '.join(OPERATIONS)}, and area or length"
            )
        self._check_variant()
        for name in ("ed_gamma", "es_gamma", "amount", "angle_deg"):
            object.__setattr__(self, name, round(float(getattr(self, name)), DECIMALS))

    def _check_variant(self):
        if self.variant not in DEFAULTS:
            raise InputError(f"{self.id}: variant is {self.variant!r}; expected one of {', '.join(DEFAULTS)}")
        allowed = DEFAULTS[self.variant]
        if not allowed.low <= self.amount <= allowed.high:
            raise InputError(
                f"{self.id}: amount is {self.amount} for variant {self.variant}; expected {allowed.low:g} to {allowed.high:g} ({allowed.meaning})"
            )
        if not 0 <= self.angle_deg < 360:
            raise InputError(f"{self.id}: angle_deg is {self.angle_deg}; expected 0 to less than 360 degrees")


def enumerate_recipes(source_id: str, settings: Masks) -> list[Recipe]:
    """All candidates of one subject, in a fixed order: by default 11 + 11 interpolated and 13 scaled.

    Interpolated masks have the alphas of ``alpha_interval``: 1..F over F + 1 steps by default, because the open
    interval (0, F) of the paper holds only F - 1 whole numbers (``open``); ``closed`` has 0..F, whose ends repeat the
    originals. Each stands in for ES (``ed-interpolated``) and for ED (``interpolated-es``).

    The values of gamma are evenly spaced on the printed intervals, with the ends of ``gamma_interval``. ``paired``
    goes from the weakest change to the strongest; half-open (ES 0.977, ED 1 to 0.7, 1.185) no pair repeats the
    original, though on coarse pixels the weakest may, as it moves contours by less than half a pixel. ``separate``
    scales one frame at a time; where a scale is 1 the pair is the original.

    All this is made in each of ``variants``, in the order of ``DEFAULTS``, and at each of ``sizes``, by which both gammas are
    multiplied: hearts smaller and larger than their source, beyond the paper. Raises InputError for an interval without width.
    """
    specs, steps = _specifications(settings)
    enumerated = []
    variants = [name for name in DEFAULTS if name in settings.variants]
    sizes = {f"{size:g}": size for size in settings.sizes}
    for variant, (named, size) in product(variants, sizes.items()):
        suffix = ("" if variant == "plain" else f"-{variant}") + ("" if named == "1" else f"-size-{named}")
        for number, (operation, ed_alpha, es_alpha, ed_gamma, es_gamma) in enumerate(specs):
            name = f"{source_id}-{number:02d}-{operation}{suffix}"
            angle_deg = _infarct_angle(name) if variant == "infarcted" else 0.0
            scales = (ed_gamma * size, es_gamma * size, settings.gamma_acts_on)
            enumerated.append(Recipe(name, source_id, operation, ed_alpha, es_alpha, steps, *scales, variant, DEFAULTS[variant].default, angle_deg))
    return enumerated


def _specifications(settings: Masks) -> tuple[list[tuple], int]:
    """(operation, alpha of ED, alpha of ES, gamma of ED, gamma of ES) of every candidate, and the steps of alpha."""
    count = settings.interpolations
    alphas, steps = {"inside": (range(1, count + 1), count + 1), "open": (range(1, count), count), "closed": (range(count + 1), count)}[
        settings.alpha_interval
    ]
    ed_scales, es_scales = _scales(settings)
    specs = [("original", steps, 0, 1.0, 1.0)] if settings.include_original else []
    specs += [("ed-interpolated", steps, alpha, 1.0, 1.0) for alpha in alphas]
    specs += [("interpolated-es", alpha, 0, 1.0, 1.0) for alpha in alphas]
    if settings.scaling == "paired":
        return specs + [("scaled", steps, 0, ed, es) for ed, es in zip(ed_scales, es_scales)], steps
    specs += [("scaled", steps, 0, 1.0, es) for es in es_scales]
    return specs + [("scaled", steps, 0, ed, 1.0) for ed in ed_scales], steps


def _scales(settings: Masks) -> tuple[np.ndarray, np.ndarray]:
    """Values of gamma for ED and ES, each from the weakest change to the strongest."""
    for name in ("ed_scale", "es_scale"):
        low, high = getattr(settings, name)
        if not low < high:
            raise InputError(f"masks.{name}: [{low}, {high}] is no interval; expected the lower end first")
    ed, es = (_spaced(*ends, settings.scales, settings.gamma_interval) for ends in (settings.ed_scale, settings.es_scale))
    return ed, es[::-1]


def _spaced(low: float, high: float, count: int, interval: str) -> np.ndarray:
    """Evenly spaced values with the lower end (``half-open``), both ends (``closed``) or neither (``open``)."""
    if interval == "open":
        return np.linspace(low, high, count + 2)[1:-1]
    return np.linspace(low, high, count, endpoint=interval == "closed")


def _infarct_angle(name: str) -> float:
    """Middle of a recipe's infarct in degrees, [0, 360): from the checksum of its id, so the same on any machine."""
    low, high = INFARCT_ANGLES_DEG
    return round(low + (high - low) * zlib.crc32(name.encode()) / 2**32, 1) % 360


def recipes(table: pd.DataFrame) -> list[Recipe]:
    """The recipes of a table that has their columns, such as the one ``candidates`` makes or a CSV of it."""
    names = [field.name for field in fields(Recipe)]
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError(f"the table of candidates lacks {', '.join(missing)}; make it again with the synthesis stage")
    return [Recipe(**row) for row in table[names].to_dict("records")]
