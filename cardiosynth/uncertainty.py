"""The predictive distribution of EDV, ESV and EF.

Every training gives both volumes a normal distribution (``sfera.VolumeRidge``). Trainings that differ in their seed are
mixed with equal weights and the mixture is taken by its mean and covariance (Lakshminarayanan et al., NeurIPS 2017). The EF
of two correlated normal volumes then has a distribution in closed form (Hinkley, Biometrika 1969).
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from cardiosynth.predictions import QUANTITIES
from cardiosynth.volumes import ejection_fraction

EF_RANGE = (-400.0, 100.0)  # points, searched for quantiles
HALVINGS = 60


@dataclass(frozen=True)
class Forecast:
    """Normal distributions of (EDV, ESV) in ml: mean (n, 2), covariance (n, 2, 2)."""

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of_seeds(cls, means, sds, correlations) -> "Forecast":
        """Mix the trainings. means, sds: (seeds, n, 2) in ml; correlations of the two errors: (seeds,) or (seeds, n)."""
        means, sds = np.asarray(means, float), np.asarray(sds, float)
        within = sds[..., :, None] * sds[..., None, :]  # (seeds, n, 2, 2)
        correlations = np.asarray(correlations, float).reshape(len(means), -1)
        within[..., 0, 1] *= correlations
        within[..., 1, 0] *= correlations
        mean = means.mean(axis=0)
        apart = means - mean
        return cls(mean, (within + apart[..., :, None] * apart[..., None, :]).mean(axis=0))

    @property
    def ef(self) -> np.ndarray:
        """EF of the mean volumes in percent, (n,)."""
        return ejection_fraction(self.mean[:, 0], self.mean[:, 1])

    def cdf(self, quantity: str, value) -> np.ndarray:
        """Probability that ``edv_ml``, ``esv_ml`` or ``ef`` is at most ``value``, (n,) or a number, in ml or percent.

        EF <= x where ESV - (1 - x/100) EDV >= 0, which is normal; the chance of a negative EDV is neglected.
        """
        if quantity != "ef":
            index = QUANTITIES.index(quantity)
            return norm.cdf(value, self.mean[:, index], np.sqrt(self.covariance[:, index, index]))
        share = 1 - np.broadcast_to(np.asarray(value, float), len(self.mean)) / 100
        weights = np.stack([-share, np.ones_like(share)], axis=1)  # of (EDV, ESV)
        variance = np.einsum("ni,nij,nj->n", weights, self.covariance, weights)
        return norm.cdf(np.sum(weights * self.mean, axis=1) / np.sqrt(np.maximum(variance, 1e-12)))

    def quantile(self, quantity: str, probability: float) -> np.ndarray:
        """The value that is not exceeded with that probability, (n,), in ml or percent."""
        if quantity != "ef":
            index = QUANTITIES.index(quantity)
            return norm.ppf(probability, self.mean[:, index], np.sqrt(self.covariance[:, index, index]))
        low, high = (np.full(len(self.mean), bound) for bound in EF_RANGE)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = self.cdf("ef", middle) < probability
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return high

    def interval(self, quantity: str, level: float) -> tuple[np.ndarray, np.ndarray]:
        """The central interval that holds ``quantity`` with probability ``level``: low and high, each (n,)."""
        return self.quantile(quantity, (1 - level) / 2), self.quantile(quantity, (1 + level) / 2)
