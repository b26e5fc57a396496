"""Clearing normal scans: how many can be passed as "EF not reduced", and how many reduced ones are passed by mistake?

A rule scores how far an EF lies above a limit and clears a scan whose score exceeds a threshold:

* ``regression``: the probability that the forecast gives to an EF above the limit;
* ``segmentation``, ``mean``: the EF read by the U-Net, or the mean of both, less the limit, in points;
* ``both``: the lesser of the two EFs less the limit, so that both methods have to agree.

A scan is missed where it is cleared and its true EF is below the limit. The threshold keeps missed scans to a stated share of
all scans: with probability one less that share, the score that a validation subject has at its *true* EF does not exceed it
(``combination.upper_bound``), and a missed scan's score at the limit lies below its score at the truth. This takes every
validation subject, not only the few whose EF is reduced; it holds for scans like theirs.
"""

import numpy as np
import pandas as pd

from cardiosynth.judging.combination import PARTS, PairedReadings, pairs, upper_bound, widest
from cardiosynth.judging.measures import share_interval

RULES = ("regression", "segmentation", "mean", "both")
LIMITS = (40.0, 50.0)  # EF in percent
STATED = (0.05, 0.1, 0.2)
SHARES = {"cleared": "n", "missed": "n", "missed_of_reduced": "reduced"}  # each with what it is a share of
COLUMNS = ["dataset", "split", "limit", "rule", "stated", "threshold", "n_validation", "n", "reduced", "cleared", "missed",
           *(f"{name}_share{end}" for name in SHARES for end in ("", "_low", "_high")), "reason"]  # fmt: skip


def score(pair: PairedReadings, rule: str, limit) -> np.ndarray:
    """How far the EF of each subject lies above ``limit``, a number or (n,), in percent: (n,); falls as the limit rises."""
    if rule == "regression":
        return 1 - pair.forecast.cdf("ef", limit)
    ef = np.min([pair.readings[method]["ef"] for method in PARTS], axis=0) if rule == "both" else pair.readings[rule]["ef"].to_numpy()
    return ef - limit


def clearing(predictions: pd.DataFrame, settings, limits=LIMITS, stated=STATED) -> pd.DataFrame:
    """Shares cleared and missed, per dataset (widest split), limit of EF in percent and rule. Columns COLUMNS.

    One row for each stated share of missed scans, with the threshold that validation subjects chose, and then the curve: a
    row, ``stated`` empty, for each threshold that the judged subjects can tell apart, from none cleared to all. Shares of all
    scans, and of the reduced ones, have exact binomial intervals (Clopper and Pearson, Biometrika 1934). Where validation
    subjects are too few for a stated share the row is empty and gives the reason.
    """
    records = []
    for dataset, _, validation, judged in pairs(predictions):
        split, pair = widest(judged)
        truth, before = pair.truth["true_ef"].to_numpy(), validation.truth["true_ef"].to_numpy()
        for limit, rule in ((limit, rule) for limit in limits for rule in RULES):
            reached, own = score(pair, rule, limit), score(validation, rule, before)
            named = {"dataset": dataset, "split": split, "limit": limit, "rule": rule, "n_validation": len(own)}
            chosen = [(share, upper_bound(own, 1 - share)) for share in stated]
            steps = [(np.nan, threshold) for threshold in (*np.unique(reached)[::-1], -np.inf)]
            records += [
                named
                | {"stated": share, "threshold": threshold, "reason": _reason(share, threshold, len(own))}
                | outcome(reached > threshold, truth < limit, settings.confidence)
                for share, threshold in chosen + steps
            ]
    table = pd.DataFrame(records, columns=COLUMNS)
    table.loc[table["reason"] != "", [name for name in COLUMNS if name.startswith(tuple(SHARES))]] = np.nan
    return table


def outcome(cleared, reduced, confidence: float) -> dict:
    """Counts and shares of scans cleared and missed; cleared, reduced: boolean (n,)."""
    counts = {"n": len(cleared), "reduced": int(reduced.sum()), "cleared": int(cleared.sum()), "missed": int((cleared & reduced).sum())}
    shares = dict(counts)
    for name, whole in SHARES.items():
        count, n = counts[name.removesuffix("_of_reduced")], counts[whole]
        shares |= dict(zip((f"{name}_share{end}" for end in ("", "_low", "_high")), share_interval(count, n, confidence)))
    return shares


def _reason(stated: float, threshold: float, n: int) -> str:
    """Why a stated share has no threshold; empty where it has one."""
    needed = int(np.ceil(1 / stated - 1e-9)) - 1 if stated > 0 else 0
    return f"{stated:.0%} missed takes {needed} validation subjects, there are {n}" if threshold == np.inf else ""
