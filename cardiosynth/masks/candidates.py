"""Candidates: every recipe of every subject with its volumes, and whether it is kept or why not."""

from collections.abc import Callable, Iterable
from dataclasses import asdict

import numpy as np
import pandas as pd

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.volumes import MYOCARDIUM, ejection_fraction, volume_ml
from cardiosynth.masks.anatomy import Anatomy
from cardiosynth.masks.recipes import Recipe, enumerate_recipes
from cardiosynth.masks.source import Source, touches_border
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Masks


def candidates(cohort: Cohort, settings: Masks, progress: Callable[[Iterable], Iterable] | None = None) -> pd.DataFrame:
    """Every recipe of every subject of the cohort with its volumes, one row each.

    Columns: those of Recipe, then split, slices, slice_gap_mm and spacing_mm (of the source, the gap
    replaced where ``synthetic_gap_mm`` is a number: the paper assumes 8), edv_ml, esv_ml, ef (percent),
    kept, faults (every cause to leave it out, joined by "; ") and reason (the first of them), both empty where
    kept. Causes are no LV, an LV cut by the frame, an EF outside the limits, and those of ``anatomy``. progress
    wraps the subjects, as tqdm does. Volumes are counted on the cohort's grid.
    Raises InputError where the cohort has no masks or no subjects.
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
        outlines = masks[cohort.rows(source_id)]
        source, anatomy = Source(outlines), Anatomy(outlines)
        for recipe in enumerate_recipes(source_id, settings):
            rows.append(asdict(recipe) | shared | _measure(source, anatomy, recipe, shared, settings))
    return pd.DataFrame(rows)


def _measure(source: Source, anatomy: Anatomy, recipe: Recipe, shared: dict, settings: Masks) -> dict:
    """Volumes of one candidate and whether it is kept."""
    masks = source.apply(recipe)
    edv_ml, esv_ml = volume_ml(masks, shared["spacing_mm"] ** 2, shared["slice_gap_mm"]).round(4).tolist()
    ef = round(float(ejection_fraction(edv_ml, esv_ml)), 4) if edv_ml > 0 else np.nan
    # a source cut by the frame has no true shape to move
    grown = recipe.variant != "plain" and touches_border(masks, MYOCARDIUM)  # a variant moves contours further than its scale says
    cut = source.touches_border or touches_border(masks) or source.leaves_frame(recipe) or grown
    holds = (edv_ml == 0 or esv_ml == 0, cut, ef < settings.minimum_ef, ef > settings.maximum_ef)
    names = ("no lv", "touches border", f"ef below {settings.minimum_ef:g}", f"ef above {settings.maximum_ef:g}")
    faults = [name for name, holds_here in zip(names, holds) if holds_here] + anatomy.faults(masks, recipe.variant == "shortened")
    return {"edv_ml": edv_ml, "esv_ml": esv_ml, "ef": ef, "kept": not faults, "reason": faults[0] if faults else "", "faults": "; ".join(faults)}
