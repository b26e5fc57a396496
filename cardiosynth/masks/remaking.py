"""The masks of one synthetic subject, made again from its recipe."""

import numpy as np
import pandas as pd

from cardiosynth.data.cohort import Cohort
from cardiosynth.masks.recipes import recipes
from cardiosynth.masks.source import apply


def remake(candidates: pd.DataFrame, sources: Cohort, subject: str) -> np.ndarray:
    """The masks, uint8 (slices, 2, H, W), that a synthetic subject was painted from.

    candidates: the table of all recipes; sources: the cohort whose subjects they name; subject: an ``id`` of the table.
    """
    (recipe,) = recipes(candidates[candidates["id"] == subject])
    return apply(recipe, np.asarray(sources.masks()[sources.rows(recipe.source_id)]))
