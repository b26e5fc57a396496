"""Whether a scan is like those that a model learnt from.

Two questions. Are its plain measures (slices, gap, pixel, field of view, the volumes predicted) within what was seen? And does
it look familiar to the networks: the Mahalanobis distance of what their early layers see from the training subjects' (Lee et
al., NeurIPS 2018), with a shrunk covariance (Ledoit and Wolf, J. Multivar. Anal. 88, 2004)? The last features know volumes and
little else: noise hardly moves them. The distance is judged by the validation subjects': a new scan of their kind lies beyond
all n of them with probability 1 / (n + 1) (conformal; Bates et al., Annals of Statistics 51, 2023).
"""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor

from cardiosynth.networks.sfera import Sfera

LOOKS = 2  # residual blocks, from the first, whose channels are compared

# What is compared with the training split: words, and how far beyond the range seen is still taken for the same.
MEASURES = {
    "slices": ("{:.0f} slices between base and apex", 1.0),
    "slice_gap_mm": ("slices {:.1f} mm apart", 0.5),
    "pixel_mm": ("pixels of {:.2f} mm", 0.2),
    "cut_percent": ("{:.0f} % of the crop lies outside the image", 2.0),
    "edv_ml": ("a predicted EDV of {:.0f} ml", 20.0),
    "ef": ("a predicted EF of {:.0f} %", 5.0),
}


@dataclass(frozen=True)
class Familiarity:
    """What the training subjects looked like to each of the trainings.

    centre (seeds, d) and whitening (seeds, d, d) of their looks; validation: (n,) distances of the validation subjects,
    rising; ranges: name of a measure -> lowest and highest seen.
    """

    centre: np.ndarray
    whitening: np.ndarray
    validation: np.ndarray
    ranges: dict[str, tuple[float, float]]

    @classmethod
    def fit(cls, train: np.ndarray, validation: np.ndarray, ranges: dict) -> "Familiarity":
        """train, validation: looks (seeds, subjects, d)."""
        centre = train.mean(axis=1)
        known = cls(centre, np.stack([_whitening(own) for own in train]), np.empty(0), ranges)
        return cls(centre, known.whitening, np.sort(known.distance(validation)), ranges)

    def distance(self, looks: np.ndarray) -> np.ndarray:
        """Mahalanobis distance (n,), divided by the root of d, mean over the seeds. looks: (seeds, n, d)."""
        apart = np.einsum("sde,sne->snd", self.whitening, looks - self.centre[:, None])
        return np.sqrt((apart**2).mean(axis=2)).mean(axis=0)

    def remarks(self, distance: float, measures: dict[str, float]) -> list[str]:
        """What is unlike the training data, one phrase each. measures: by the names of MEASURES; those not recorded are skipped."""
        found = []
        for name, value in measures.items():
            words, margin = MEASURES[name]
            low, high = self.ranges.get(name, (-np.inf, np.inf))
            if not low - margin <= value <= high + margin:
                found.append(f"{words.format(value)} (seen in training: {low:.3g} to {high:.3g})")
        if distance > self.validation[-1]:
            found.append(
                f"the images look unfamiliar: {distance / self.validation[-1]:.1f} times as far from the training subjects as the "
                f"farthest of {len(self.validation)} validation subjects"
            )
        return found

    def tensors(self) -> dict[str, Tensor]:
        """As named tensors, for a safetensors file."""
        arrays = {"centre": self.centre, "whitening": self.whitening, "validation": self.validation}
        return {name: torch.from_numpy(array) for name, array in arrays.items()} | {
            f"range.{name}": torch.tensor(both, dtype=torch.float64) for name, both in self.ranges.items()
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "Familiarity":
        """Inverse of ``tensors``. Raises KeyError where one is absent."""
        ranges = {name.removeprefix("range."): tuple(both.tolist()) for name, both in tensors.items() if name.startswith("range.")}
        return cls(*(tensors[name].numpy() for name in ("centre", "whitening", "validation")), ranges)


def cut_percent(images: np.ndarray) -> float:
    """Share of the plane in rows and columns at its border that are 0 in every image: there the scan did not reach.

    images: (slices, 2, H, W) on a study's grid.
    """
    seen = np.asarray(images).any(axis=(0, 1))
    kept = [np.ptp(np.flatnonzero(seen.any(axis=axis))) + 1 if seen.any() else 0 for axis in (0, 1)]
    return float(100 * (1 - kept[0] * kept[1] / seen.size))


@torch.inference_mode()
def looks(network: Sfera, images: Tensor) -> np.ndarray:
    """What the first blocks see: the mean of each of their channels over all pixels and slices, (d,).

    images: (slices, 2, H, W) in [0, 1], on the network's device.
    """
    x, means = images.contiguous(memory_format=torch.channels_last), []
    for block in network.blocks[:LOOKS]:
        x = block(x)
        means.append(x.mean(dim=(0, 2, 3)))
    return torch.cat(means).cpu().double().numpy()


def _whitening(looks: np.ndarray) -> np.ndarray:
    """W with |W (x - mean)| the Mahalanobis distance, (d, d). looks: (n, d)."""
    scale = looks.std(axis=0) + 1e-6
    precision = LedoitWolf().fit((looks - looks.mean(axis=0)) / scale).precision_
    return np.linalg.cholesky(precision).T / scale
