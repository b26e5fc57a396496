"""Recipes: how each synthetic heart is made from a real one, as plain data (paper, Methods, Fig. 2).

*Interpolation* between the signed distances of ES and ED gives F = 11 masks; pairing one with an original frame
lowers the EF. *Scaling* makes ED bigger and ES smaller, which raises it. The masks of a recipe are made again
from it, bit for bit (``masks``), so nothing else of a synthetic heart is stored.
"""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from cardiosynth.errors import InputError
from cardiosynth.study import Masks

OPERATIONS = ("original", "ed-interpolated", "interpolated-es", "scaled")
GAMMA_DECIMALS = 6  # a CSV reader may be off in the last bit; rounding makes the recipe the same again


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
