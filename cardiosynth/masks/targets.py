"""What the EFs of the chosen subjects should look like: bins of EF and the weight of each (``masks.target``).

EFs are in percent. The paper wants its synthetic cohort uniform (Methods, Fig. 1c); its ablation wants half of it
distributed like the real one. The other targets are ours.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Masks

BIN_WIDTH = 5.0  # EF points
EDV_BINS = 3  # terciles: with 14 bins of EF, a few hundred subjects still leave several to each cell


@dataclass(frozen=True)
class Target:
    """Bins of EF, low <= EF < high (the last holds its upper edge too), and the weight of each; arrays (bins,)."""

    low: np.ndarray
    high: np.ndarray
    weight: np.ndarray

    def bin_of(self, ef) -> np.ndarray:
        """Number of the bin of each EF, -1 where none holds it; EF NaN is in none."""
        ef = np.asarray(ef, float)
        number = np.searchsorted(self.low, ef, side="right") - 1  # NaN sorts behind all and fails the next test
        inside = (number >= 0) & ((ef < self.high[number]) | (ef == self.high[-1]))
        return np.where(inside, number, -1)

    @property
    def share(self) -> np.ndarray:
        """Share of the subjects wanted from each bin, in total 1."""
        return self.weight / self.weight.sum()


def make_target(settings: Masks, reference_ef=None) -> Target:
    """The target that a study names. reference_ef: EFs of the cohort that ``matched`` follows.

    ``uniform``: equal bins of about 5 points between the study's limits. ``all``: one bin, so the candidates' own
    distribution. ``normal``: the same bins as uniform, weighted by a normal distribution. ``matched``: weighted by the
    counts of the reference between the limits. ``bins``: as given; EFs between given bins are not chosen.
    Raises InputError for a target that cannot be.
    """
    edges = bin_edges(settings.minimum_ef, settings.maximum_ef)
    if settings.target == "bins":
        return _given(settings)
    if settings.target == "all":
        return _between(edges[[0, -1]], np.ones(1))
    if settings.target == "normal":
        return _between(edges, _normal_weights(edges, *settings.target_mean_sd))
    if settings.target == "matched":
        counts = _inside(reference_ef, edges)
        if not counts.any():
            raise InputError(f"masks.target 'matched': no reference EF between {edges[0]:g} and {edges[-1]:g} %; expected at least one")
        return _between(edges, counts)
    return _between(edges, np.ones(len(edges) - 1))


def percent_target(reference_ef) -> Target:
    """Bins of 5 points from 0 to 100 % weighted by the counts of the reference. Raises InputError without any."""
    edges = percent_bins()
    counts = histogram(reference_ef, edges)
    if not counts.any():
        raise InputError("there is no reference EF to match; expected at least one real subject")
    return _between(edges, counts)


def bin_edges(low: float, high: float) -> np.ndarray:
    """Edges of EF bins of equal width, as near to 5 points as the interval allows."""
    if not low < high:
        raise InputError(f"masks.minimum_ef {low:g} and masks.maximum_ef {high:g}; expected the first below the second")
    return np.linspace(low, high, max(1, round((high - low) / BIN_WIDTH)) + 1)


def percent_bins() -> np.ndarray:
    """Edges of bins of 5 points from 0 to 100 %."""
    return bin_edges(0, 100)


def histogram(ef, edges: np.ndarray) -> np.ndarray:
    """Counts per bin; what lies beyond the edges counts in the outermost bins, NaN nowhere."""
    ef = np.asarray(ef, float)
    return np.histogram(ef[~np.isnan(ef)].clip(edges[0], edges[-1]), edges)[0]


def edv_bin_of(edv_ml, usable: np.ndarray) -> np.ndarray:
    """Tercile of EDV of each candidate, 0 to 2, among the usable ones (boolean array of the same length)."""
    edv_ml = np.asarray(edv_ml, float)
    inner = np.quantile(edv_ml[usable], np.arange(1, EDV_BINS) / EDV_BINS) if usable.any() else []
    return np.searchsorted(inner, edv_ml, side="right")


def _between(edges: np.ndarray, weights) -> Target:
    return Target(edges[:-1], edges[1:], np.asarray(weights, float))


def _inside(ef, edges: np.ndarray) -> np.ndarray:
    ef = np.asarray([] if ef is None else ef, float)
    return np.histogram(ef[~np.isnan(ef)], edges)[0]


def _normal_weights(edges: np.ndarray, mean: float, sd: float) -> np.ndarray:
    """Probability of each bin. A normal distribution narrower than a bin, or mostly beyond the limits, is refused."""
    width = edges[1] - edges[0]
    if sd < width:
        raise InputError(f"masks.target_mean_sd: an SD of {sd:g} points leaves most bins of {width:g} empty; expected at least {width:g}")
    weights = np.diff(norm.cdf(edges, mean, sd))
    if weights.sum() < 0.5:
        raise InputError(
            f"masks.target_mean_sd: {100 * weights.sum():.0f} % of a normal distribution of mean {mean:g} and SD {sd:g} lie "
            f"between EF {edges[0]:g} and {edges[-1]:g} %; expected at least half"
        )
    return weights


def _given(settings: Masks) -> Target:
    """The study's own bins, checked."""
    bins = sorted(settings.target_bins)
    if not bins:
        raise InputError("masks.target is 'bins' but masks.target_bins is empty; expected [lower EF, upper EF, weight] for each")
    for low, high, _ in bins:
        if not settings.minimum_ef <= low < high <= settings.maximum_ef:
            raise InputError(
                f"masks.target_bins: [{low:g}, {high:g}] is no interval of EF within minimum_ef {settings.minimum_ef:g} and "
                f"maximum_ef {settings.maximum_ef:g}; expected the lower end first, and both within"
            )
    for (low, high, _), (later, end, _) in zip(bins, bins[1:]):
        if later < high:
            raise InputError(f"masks.target_bins: [{low:g}, {high:g}] and [{later:g}, {end:g}] overlap; expected bins that only touch")
    return Target(*np.array(bins, float).T)
