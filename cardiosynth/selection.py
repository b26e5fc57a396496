"""Choosing candidates by ejection fraction (paper, Methods and Fig. 1c; the ablations on half the cohort).

Tables are those of ``candidates.candidates``: any index, columns ``ef`` (percent), ``kept`` and ``operation`` at
least. Choices are boolean series on the same index, drawn with the generator given.
"""

import numpy as np
import pandas as pd

from cardiosynth.errors import InputError
from cardiosynth.study import Masks

BIN_WIDTH = 5.0  # EF points


def bin_edges(low: float, high: float) -> np.ndarray:
    """Edges of EF bins of equal width, as near to 5 points as the interval allows."""
    if not low < high:
        raise InputError(f"masks.minimum_ef {low:g} and masks.maximum_ef {high:g}; expected the first below the second")
    return np.linspace(low, high, max(1, round((high - low) / BIN_WIDTH)) + 1)


def choose(
    candidates: pd.DataFrame, count: int | None, target: str, settings: Masks, rng: np.random.Generator
) -> pd.Series:
    """Choose among the kept candidates: exactly min(count, available), or all of them where count is None.

    target ``uniform``: as many from each EF bin between the study's limits; a bin that runs out is used up and
    its share goes to the others. ``all``: at random, so with the candidates' own distribution.
    """
    if target not in ("uniform", "all"):
        raise InputError(f"masks.target is {target!r}; expected 'uniform' or 'all'")
    kept = candidates["kept"].to_numpy(bool)
    if count is None or count >= kept.sum():
        return pd.Series(kept, candidates.index, name="chosen")
    edges = bin_edges(settings.minimum_ef, settings.maximum_ef)
    if target == "all":
        edges = edges[[0, -1]]
    weights = np.ones(len(edges) - 1)
    return _draw(candidates["ef"].where(kept), edges, weights, count, rng).rename("chosen")


def half_random(chosen: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Half of the subjects of a table (rounded down), at random."""
    picked = rng.permutation(len(chosen)) < len(chosen) // 2
    return pd.Series(picked, chosen.index, name="half")


def half_matched(chosen: pd.DataFrame, reference_ef, rng: np.random.Generator) -> pd.Series:
    """Half of the subjects of a table (rounded down) with EFs distributed as ``reference_ef`` in bins of 5 points.

    Where a bin has too few, the others make up for it in the same proportions, so the half is always a half;
    ``mismatch`` says how far its distribution then is from the reference.
    """
    edges = _percent_bins()
    weights = _histogram(reference_ef, edges)
    if not weights.any():
        raise InputError("there is no reference EF to match; expected at least one real subject")
    return _draw(chosen["ef"], edges, weights, len(chosen) // 2, rng).rename("half")


def mismatch(ef, reference_ef) -> float:
    """Share (0..1) of subjects that would have to change their bin of 5 EF points to match the reference.

    The total variation distance of the two histograms. NaN where either is empty.
    """
    edges = _percent_bins()
    return _total_variation(_histogram(ef, edges), _histogram(reference_ef, edges))


def flatness(ef, settings: Masks) -> float:
    """How uniform EFs are over the study's bins: 1 means equal counts, 1 / bins means all in one bin.

    One less the share of subjects that would have to change their bin to make the histogram flat (the total
    variation distance from uniform). NaN without subjects.
    """
    counts = _histogram(ef, bin_edges(settings.minimum_ef, settings.maximum_ef))
    return 1.0 - _total_variation(counts, np.ones(len(counts)))


def counts_table(candidates: pd.DataFrame) -> pd.DataFrame:
    """Candidates by operation and in total: how many were made, kept and dropped for which reason.

    Columns: candidates, kept, kept_per_subject and one for every reason that occurs.
    """
    dropped = candidates.loc[~candidates["kept"].astype(bool)]
    table = pd.DataFrame({
        "candidates": candidates.groupby("operation", sort=False).size(),
        "kept": candidates.groupby("operation", sort=False)["kept"].sum().astype(int),
    }).join(pd.crosstab(dropped["operation"], dropped["reason"]).rename_axis(columns=None))
    table = table.fillna(0).astype(int)
    table.loc["total"] = table.sum()
    table.insert(2, "kept_per_subject", table["kept"] / candidates["source_id"].nunique())
    return table


def _percent_bins() -> np.ndarray:
    return bin_edges(0, 100)


def _histogram(ef, edges: np.ndarray) -> np.ndarray:
    """Counts per bin; what lies beyond the edges counts in the outermost bins, NaN nowhere."""
    ef = np.asarray(ef, float)
    return np.histogram(ef[~np.isnan(ef)].clip(edges[0], edges[-1]), edges)[0]


def _total_variation(counts: np.ndarray, reference: np.ndarray) -> float:
    if not counts.any() or not reference.any():
        return float("nan")
    return float(0.5 * np.abs(counts / counts.sum() - reference / reference.sum()).sum())


def _draw(ef: pd.Series, edges, weights, count: int, rng: np.random.Generator) -> pd.Series:
    """Draw ``count`` of the rows with an EF so that the bins hold them in the proportion of ``weights``."""
    usable = ef.notna().to_numpy()
    bins = np.searchsorted(edges, ef.clip(edges[0], edges[-1]), side="right") - 1
    bins = np.where(usable, np.minimum(bins, len(edges) - 2), -1)  # the last bin holds its upper edge too
    capacity = np.bincount(bins[usable], minlength=len(edges) - 1)
    picked = np.zeros(len(ef), bool)
    for index, quota in enumerate(quotas(capacity, count, weights, rng)):
        picked[rng.choice(np.flatnonzero(bins == index), quota, replace=False)] = True
    return pd.Series(picked, ef.index)


def quotas(capacity: np.ndarray, count: int, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How many to take from each bin: in proportion to ``weights``, never above ``capacity``, min(count, all) in total.

    Water-filling: what full bins cannot give is shared among the others by their weights, and bins of weight
    zero come last. A remainder smaller than one each goes to bins drawn at random.
    """
    taken = np.zeros(len(capacity), int)
    left = min(count, int(capacity.sum()))
    while left > 0:
        share = np.where(taken < capacity, weights, 0).astype(float)
        if not share.any():
            share = np.where(taken < capacity, 1.0, 0.0)
        share /= share.sum()
        more = np.minimum(np.floor(left * share).astype(int), capacity - taken)
        if not more.any():
            winners = rng.choice(len(share), min(left, np.count_nonzero(share)), replace=False, p=share)
            more = np.bincount(winners, minlength=len(share))
        taken += more
        left -= more.sum()
    return taken
