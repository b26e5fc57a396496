"""The predictive distribution of EDV, ESV and EF.

Every training gives both volumes a normal distribution (``sfera.VolumeRidge``). Trainings that differ in their seed are
mixed with equal weights and the mixture is taken by its mean and covariance (Lakshminarayanan et al., NeurIPS 2017). The EF
of two correlated normal volumes then has a distribution in closed form (Hinkley, Biometrika 1969).

What the mixture promises need not hold. The noise of each training is the error of that training on validation subjects; the
mean of several trainings errs less; validation subjects also chose the epoch, so that other subjects err more; and the noise
is one number for small hearts and large ones. ``Calibration`` sets the covariance right on validation subjects.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from cardiosynth.data.volumes import QUANTITIES, ejection_fraction

LARGEST_POWER = 1.0
SMALLEST_ML = 5.0
EF_RANGE = (-400.0, 100.0)  # points, searched for quantiles
HALVINGS = 60
ONE_SD = 0.6827  # a central interval of this level reaches one standard deviation to either side of a normal median


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

    def deviation(self, quantity: str) -> np.ndarray:
        """Half of the central interval of ONE_SD, (n,), which is the standard deviation of a volume."""
        low, high = self.interval(quantity, ONE_SD)
        return (high - low) / 2


@dataclass(frozen=True)
class Calibration:
    """What the covariance of a forecast has to be multiplied with, learnt on validation subjects.

    Deviations are multiplied with sqrt(factor) (volume / reference)^power, volume the predicted one and reference_ml (2,)
    the geometric mean of those of the validation subjects: power 0 leaves their proportions as they are stated, 1 makes
    them grow as the volume does (the power-of-the-mean model: Carroll and Ruppert, Transformation and Weighting in
    Regression, 1988). The default changes nothing.
    """

    factor: float = 1.0
    power: float = 0.0
    reference_ml: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def fit(cls, forecast: Forecast, volumes) -> "Calibration":
        """Factor and power under which the true volumes (n, 2) in ml of n >= 2 validation subjects are likeliest.

        The power is sought between 0 and LARGEST_POWER. The factor is at least 1: validation subjects chose the epoch of
        every training, so small errors on them are no reason to promise less than is stated. Where it is larger it is taken
        times n / (n - 1), which makes the normal distribution as wide as the Student distribution with 2n degrees of
        freedom that an estimated factor calls for.
        """
        errors = forecast.mean - np.asarray(volumes, float)
        reference = tuple(np.exp(np.log(_volume(forecast)).mean(axis=0)))

        def likeliest(power):
            """The factor for a power, and minus twice the log likelihood per subject, less a constant."""
            covariance = cls(1.0, power, reference).apply(forecast).covariance
            squares = np.einsum("ni,nij,nj->n", errors, np.linalg.inv(covariance), errors).mean()
            factor = max(squares / 2, 1.0)
            return factor, 2 * np.log(factor) + np.log(np.linalg.det(covariance)).mean() + squares / factor

        power = minimize_scalar(lambda power: likeliest(power)[1], bounds=(0, LARGEST_POWER), method="bounded").x
        factor = likeliest(power)[0]
        return cls(float(factor * len(errors) / (len(errors) - 1)) if factor > 1 else 1.0, float(power), reference)

    def apply(self, forecast: Forecast) -> Forecast:
        """The same means with the covariance that the validation subjects ask for."""
        grown = np.sqrt(self.factor) * (_volume(forecast) / self.reference_ml) ** self.power
        return Forecast(forecast.mean, grown[:, :, None] * forecast.covariance * grown[:, None, :])


def _volume(forecast: Forecast) -> np.ndarray:
    """Predicted volumes in ml, (n, 2), at least SMALLEST_ML so that a deviation does not vanish with its volume."""
    return np.maximum(forecast.mean, SMALLEST_ML)
