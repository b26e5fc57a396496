"""Choosing candidates by ejection fraction (paper, Methods and Fig. 1c; the ablations on half the cohort).

Tables are those of ``candidates.candidates``: any index, columns ``ef`` (percent), ``kept``, ``edv_ml`` (where EDV is
spread) and ``operation`` at least. Choices are boolean series on the same index, drawn with the generator given. What
the EFs should look like is a ``targets.Target``.
"""

import numpy as np
import pandas as pd

from cardiosynth.masks.targets import EDV_BINS, bin_edges, edv_bin_of, histogram, make_target, percent_bins, percent_target
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Masks

NEEDS_COUNT = ("normal", "matched", "bins")


def choose(candidates: pd.DataFrame, count: int | None, settings: Masks, rng: np.random.Generator, reference_ef=None) -> pd.Series:
    """Choose among the kept candidates so that their EFs follow ``settings.target``.

    Exactly min(count, candidates in the target's bins), or all kept ones where count is None. A bin that runs out is
    used up and its share goes to the others by their weights: the total stays exact, and ``shortfall`` says
    where the distribution does not. With ``spread_edv`` each bin of EF is drawn as evenly as possible over
    terciles of EDV. reference_ef: what ``matched`` follows. Raises InputError for a target that cannot be, and
    for one that needs a count and has none.
    """
    target = make_target(settings, reference_ef)
    _check_count(count, settings)
    kept = candidates["kept"].to_numpy(bool)
    if count is None or (count >= kept.sum() and settings.target != "bins"):
        return pd.Series(kept, candidates.index, name="chosen")
    bins = np.where(kept, target.bin_of(candidates["ef"]), -1)
    cells = _edv_cells(candidates, bins, settings)
    return pd.Series(_draw(bins, target.weight, count, rng, cells), candidates.index, name="chosen")


def shortfall(candidates: pd.DataFrame, chosen: pd.Series, count: int | None, settings: Masks, reference_ef=None) -> pd.DataFrame:
    """How far the candidates allow what the target wants, one row a bin of EF (with ``spread_edv``, of EF and EDV).

    chosen: what ``choose`` gave. Columns: ef_from, ef_to, edv_bin (tercile 1 to 3, 0 for all), wanted (the
    target's share of ``count``; of all kept candidates for None), available, chosen and short: how many more
    candidates the bin would need.
    """
    target = make_target(settings, reference_ef)
    kept = candidates["kept"].to_numpy(bool)
    bins = np.where(kept, target.bin_of(candidates["ef"]), -1)
    cells = _edv_cells(candidates, bins, settings)
    wanted = target.share * (kept.sum() if count is None else count)
    parts = [(0, wanted, bins)]
    if cells is not None:
        parts = [(cell + 1, wanted / EDV_BINS, np.where(cells == cell, bins, -1)) for cell in range(EDV_BINS)]
    tables = []
    for edv_bin, share, members in parts:
        available, picked = (np.bincount(m[m >= 0], minlength=len(share)) for m in (members, np.where(chosen, members, -1)))
        tables.append(pd.DataFrame({
            "ef_from": target.low, "ef_to": target.high, "edv_bin": edv_bin, "wanted": share.round(2),
            "available": available, "chosen": picked, "short": np.maximum(0, share - available).round(2),
        }))  # fmt: skip
    return pd.concat(tables).sort_values(["ef_from", "edv_bin"], ignore_index=True)


def half_random(chosen: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Half of the subjects of a table (rounded down), at random."""
    picked = rng.permutation(len(chosen)) < len(chosen) // 2
    return pd.Series(picked, chosen.index, name="half")


def half_matched(chosen: pd.DataFrame, reference_ef, rng: np.random.Generator) -> pd.Series:
    """Half of the subjects of a table (rounded down) with EFs distributed as ``reference_ef`` in bins of 5 points.

    Where a bin has too few, the others make up for it in the same proportions, so the half is always a half;
    ``mismatch`` says how far its distribution then is from the reference.
    """
    target = percent_target(reference_ef)
    bins = target.bin_of(chosen["ef"].clip(0, 100))
    return pd.Series(_draw(bins, target.weight, len(chosen) // 2, rng), chosen.index, name="half")


def mismatch(ef, reference_ef) -> float:
    """Share (0..1) of subjects that would have to change their bin of 5 EF points to match the reference.

    The total variation distance of the two histograms. NaN where either is empty.
    """
    return _total_variation(histogram(ef, percent_bins()), histogram(reference_ef, percent_bins()))


def flatness(ef, settings: Masks) -> float:
    """How uniform EFs are over the study's bins: 1 means equal counts, 1 / bins means all in one bin.

    One less the share of subjects that would have to change their bin to make the histogram flat (the total
    variation distance from uniform). NaN without subjects.
    """
    counts = histogram(ef, bin_edges(settings.minimum_ef, settings.maximum_ef))
    return 1.0 - _total_variation(counts, np.ones(len(counts)))


def evenness(rows: pd.DataFrame, kept: pd.DataFrame, settings: Masks) -> float:
    """How evenly subjects fill the study's bins of EF and in each the terciles of EDV (of all ``kept``): 1 means equal counts.

    One less the share of subjects that would have to change their cell. rows: some of ``kept``. NaN without subjects.
    """
    tercile = pd.Series(edv_bin_of(kept["edv_ml"], np.ones(len(kept), bool)), kept.index)[rows.index]
    edges = bin_edges(settings.minimum_ef, settings.maximum_ef)
    counts = np.histogram2d(rows["ef"], tercile, [edges, np.arange(EDV_BINS + 1) - 0.5])[0]
    return 1.0 - _total_variation(counts, np.ones_like(counts))


def counts_table(candidates: pd.DataFrame) -> pd.DataFrame:
    """Candidates by operation and in total: how many were made, kept and dropped for which reason.

    Columns: candidates, kept, kept_per_subject and one for every reason that occurs.
    """
    dropped = candidates.loc[~candidates["kept"].astype(bool)]
    table = pd.DataFrame(
        {
            "candidates": candidates.groupby("operation", sort=False).size(),
            "kept": candidates.groupby("operation", sort=False)["kept"].sum().astype(int),
        }
    ).join(pd.crosstab(dropped["operation"], dropped["reason"]).rename_axis(columns=None))
    table = table.fillna(0).astype(int)
    table.loc["total"] = table.sum()
    table.insert(2, "kept_per_subject", table["kept"] / candidates["source_id"].nunique())
    return table


def _check_count(count: int | None, settings: Masks) -> None:
    if count is None and settings.target in NEEDS_COUNT:
        raise InputError(
            f"masks.target is {settings.target!r} but masks.train_subjects or masks.validation_subjects is null, which takes "
            "every candidate; give a number, or the target 'all'"
        )


def _edv_cells(candidates: pd.DataFrame, bins: np.ndarray, settings: Masks) -> np.ndarray | None:
    """Tercile of EDV of every candidate, or None where EDV is left to chance."""
    return edv_bin_of(candidates["edv_ml"], bins >= 0) if settings.spread_edv else None


def _total_variation(counts: np.ndarray, reference: np.ndarray) -> float:
    if not counts.any() or not reference.any():
        return float("nan")
    return float(0.5 * np.abs(counts / counts.sum() - reference / reference.sum()).sum())


def _draw(bins: np.ndarray, weights: np.ndarray, count: int, rng: np.random.Generator, cells=None) -> np.ndarray:
    """Draw ``count`` rows so that the bins hold them in the proportion of ``weights``; bin -1 is never drawn.

    cells: a second number (rows,) over which each bin is spread evenly, or None. Returns a boolean array (rows,).
    """
    capacity = np.bincount(bins[bins >= 0], minlength=len(weights))
    picked = np.zeros(len(bins), bool)
    for index, quota in enumerate(quotas(capacity, count, weights, rng)):
        members = np.flatnonzero(bins == index)
        if cells is not None:
            picked[members] = _draw(cells[members], np.ones(EDV_BINS), int(quota), rng)
        else:
            picked[rng.choice(members, quota, replace=False)] = True
    return picked


def quotas(capacity: np.ndarray, count: int, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How many to take from each bin: in proportion to ``weights``, never above ``capacity``, min(count, all) in total.

    What full bins cannot give is shared among the others by their weights; bins of weight zero come last. Fractions
    of a subject are rounded down, and what that leaves goes to bins drawn by their fractions, at most one each.
    """
    count = min(count, int(capacity.sum()))
    weighted = np.asarray(weights) > 0
    ideal = _levels(capacity, min(count, capacity[weighted].sum()), np.asarray(weights, float))
    ideal += _levels(capacity, count - ideal.sum().round(), (~weighted).astype(float))
    taken = np.floor(ideal + 1e-9).astype(int)
    left = count - taken.sum()
    if left:
        fraction = np.maximum(ideal - taken, 0) * (taken < capacity)
        taken[rng.choice(len(taken), left, replace=False, p=fraction / fraction.sum())] += 1
    return taken


def _levels(capacity: np.ndarray, count: float, weights: np.ndarray) -> np.ndarray:
    """Water-filling: real numbers (bins,) of the total ``count``, each its capacity or the same multiple of its weight."""
    taken = np.zeros(len(capacity))
    free = (weights > 0) & (capacity > 0)
    while free.any():
        level = (count - taken[~free].sum()) * weights / weights[free].sum()
        full = free & (level >= capacity)
        if not full.any():
            taken[free] = level[free]
            break
        taken[full], free = capacity[full], free & ~full
    return taken
