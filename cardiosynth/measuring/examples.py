"""Which subjects a page shows: chosen by their numbers alone, never by how they look.

Tables are those of cohorts: the subjects' ids as the index, ``ef`` in percent, ``edv_ml`` and ``esv_ml`` in ml.
"""

import numpy as np
import pandas as pd

from cardiosynth.data.cohort import Cohort
from cardiosynth.measuring.predictions import REDUCED_EF


def typical_subject(cohort: Cohort) -> str:
    """The training subject whose EF is the median."""
    ef = cohort.split("train").table["ef"].sort_values(kind="stable")
    return str(ef.index[len(ef) // 2])


def at_quantiles(table: pd.DataFrame, quantiles) -> list[str]:
    """Subjects whose EF stands nearest to these quantiles (0 to 1) of the table, each once, by rising EF."""
    ordered = table.sort_values("ef", kind="stable").index
    places = np.rint(np.asarray(quantiles) * (len(ordered) - 1)).astype(int)
    return [str(ordered[place]) for place in dict.fromkeys(places)]


def nearest(table: pd.DataFrame, wanted: pd.Series) -> str:
    """The subject whose EDV and ESV are nearest to those of ``wanted``."""
    distance = (table[["edv_ml", "esv_ml"]] - wanted[["edv_ml", "esv_ml"]].astype(float)).pow(2).sum(axis=1)
    return str(distance.idxmin())


def two_subjects(table: pd.DataFrame) -> list[str]:
    """A subject of usual and one of reduced EF: the medians of those from 40 % up and of those below.

    Where none is below, the second is the one of lowest EF. table: a cohort's, of one split.
    """
    ordered = table.sort_values("ef", kind="stable")
    usual, reduced = ordered[ordered["ef"] >= REDUCED_EF], ordered[ordered["ef"] < REDUCED_EF]
    reduced = reduced if len(reduced) else ordered.head(1)
    return [str(group.index[len(group) // 2]) for group in (usual, reduced) if len(group)]
