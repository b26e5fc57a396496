"""SFERA: ventricular volumes from a short-axis stack without segmenting it (paper, Fig. 7 and Methods).

A residual CNN reads every slice's (ED, ES) pair, a bidirectional LSTM runs over the slices, and a
Bayesian ridge turns the learned features into EDV and ESV. All slices of a batch pass through the CNN
as one long list, so that nothing is spent on padding.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import BayesianRidge
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from cardiosynth.networks.checkpoints import load_tensors
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import SferaSettings

BLOCKS = 5


class ResidualBlock(nn.Module):
    """A 3x3 convolution, 2x2 max pooling, further 3x3 convolutions, beside a pooled 1x1 shortcut.

    The paper names the layers of a block but not their order; pooling after the first convolution
    leaves the others a quarter of the pixels.
    """

    def __init__(self, inputs: int, outputs: int, convolutions: int):
        super().__init__()
        layers = [*_convolution(inputs, outputs), nn.ReLU(), nn.MaxPool2d(2)]
        for _ in range(convolutions - 1):
            layers += [*_convolution(outputs, outputs), nn.ReLU()]
        self.body = nn.Sequential(*layers[:-1]) if convolutions > 1 else nn.Sequential(*layers)
        self.shortcut = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))  # (n, outputs, h/2, w/2)


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)]


class Sfera(nn.Module):
    """The network up to the linear head that trains it; the ridge later replaces the head.

    settings: widths (sections.SferaSettings). size_px: height and width of the images, at least 32.
    """

    def __init__(self, settings: SferaSettings, size_px: int):
        super().__init__()
        widths = [2] + [settings.base_channels * 2**i for i in range(BLOCKS)]
        self.blocks = nn.Sequential(*(ResidualBlock(a, b, settings.convolutions) for a, b in zip(widths, widths[1:])))
        self.reduce = nn.Linear(widths[-1] * (size_px // 2**BLOCKS) ** 2, settings.features)
        self.lstm = nn.LSTM(settings.features, settings.hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * settings.hidden, 2)
        self.readout = settings.readout

    def features(self, images: Tensor, slices: Tensor) -> Tensor:
        """Features of whole hearts, (subjects, 2 hidden).

        images: (sum of slices, 2, H, W) in [0, 1], subjects one after the other, base to apex.
        slices: (subjects,) int64 on the CPU, slices of each.
        """
        return self.read(self.slice_features(images), slices)

    def slice_features(self, images: Tensor) -> Tensor:
        """What the CNN makes of each slice alone, (slices, features). images: (slices, 2, H, W) in [0, 1]."""
        x = self.blocks(images.to(memory_format=torch.channels_last))  # (slices, c, h, w)
        return torch.relu(self.reduce(x.flatten(1)))

    def read(self, x: Tensor, slices: Tensor) -> Tensor:
        """Features of whole hearts, (subjects, 2 hidden), from those of their slices (sum of slices, features)."""
        stacks = nn.utils.rnn.pad_sequence(x.split(slices.tolist()), batch_first=True)  # (subjects, most slices, features)
        packed = pack_padded_sequence(stacks, slices, batch_first=True, enforce_sorted=False)
        outputs, (last, _) = self.lstm(packed)
        if self.readout == "last":
            return torch.cat([last[0], last[1]], dim=1)
        total = pad_packed_sequence(outputs, batch_first=True)[0].sum(dim=1)  # padded outputs are zero
        return total if self.readout == "sum" else total / slices[:, None].to(total)

    def forward(self, images: Tensor, slices: Tensor) -> Tensor:
        """(EDV, ESV) divided by the slice gap and scaled as in training, (subjects, 2)."""
        return self.head(self.features(images, slices))


@dataclass(frozen=True)
class VolumeRidge:
    """Bayesian ridge from features to EDV and ESV per mm of slice gap (MacKay 1992; scikit-learn).

    Arrays over the two volumes: coefficients (2, d), intercepts (2,), covariance (2, d, d) of the
    coefficients, noise_sd (2,); centre and scale (d,) standardise features; correlation of the errors
    of EDV and ESV.
    """

    centre: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray
    covariance: np.ndarray
    noise_sd: np.ndarray
    correlation: float

    @classmethod
    def fit(cls, features, volumes, held_out_features, held_out_volumes) -> "VolumeRidge":
        """Fit on training subjects; take noise and correlation of the errors from held-out ones.

        features: (n, d); volumes: (n, 2) ml per mm of gap. The network has fitted its training subjects
        closely, so their residuals would promise too much: the noise is measured on validation subjects.
        """
        centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
        models = [BayesianRidge().fit((features - centre) / scale, volumes[:, i]) for i in range(2)]
        coefficients = np.stack([m.coef_ for m in models])
        intercepts = np.array([m.intercept_ for m in models])
        covariance = np.stack([m.sigma_ for m in models])
        return cls._judged(held_out_features, held_out_volumes, centre, scale, coefficients, intercepts, covariance)

    @classmethod
    def of_head(cls, head: nn.Linear, value_range: tuple[float, float], held_out_features, held_out_volumes) -> "VolumeRidge":
        """The head that trained the network in place of a ridge: its weights are taken as certain, the noise as in ``fit``.

        value_range: volumes per mm of gap that the head calls 0 and 1.
        """
        low, high = value_range
        weight, bias = (values.detach().cpu().double().numpy() for values in (head.weight, head.bias))
        d = weight.shape[1]
        return cls._judged(
            held_out_features, held_out_volumes, np.zeros(d), np.ones(d), weight * (high - low), bias * (high - low) + low, np.zeros((2, d, d))
        )

    @classmethod
    def _judged(cls, features, volumes, centre, scale, coefficients, intercepts, covariance) -> "VolumeRidge":
        """With noise and correlation of the errors from held-out subjects."""
        errors = (features - centre) / scale @ coefficients.T + intercepts - volumes
        correlation = float(np.clip(np.corrcoef(errors.T)[0, 1], -0.99, 0.99))
        return cls(centre, scale, coefficients, intercepts, covariance, np.sqrt((errors**2).mean(axis=0)), correlation)

    def predict(self, features) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of (EDV, ESV) per mm of gap, both (n, 2)."""
        x = (np.asarray(features) - self.centre) / self.scale
        mean = x @ self.coefficients.T + self.intercepts
        variance = np.einsum("nd,kde,ne->nk", x, self.covariance, x) + self.noise_sd**2
        return mean, np.sqrt(variance)

    def tensors(self) -> dict[str, Tensor]:
        """As named tensors, for a safetensors file."""
        return {f"ridge.{name}": torch.as_tensor(np.asarray(value)) for name, value in vars(self).items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "VolumeRidge":
        """Inverse of ``tensors``; other names are ignored."""
        values = {name.removeprefix("ridge."): t.numpy() for name, t in tensors.items() if name.startswith("ridge.")}
        return cls(**{**values, "correlation": float(values["correlation"])})


def load(path: Path, settings: SferaSettings, size_px: int) -> tuple[Sfera, VolumeRidge, dict]:
    """A trained network on the CPU, its ridge and the notes of its training (``value_range``), from one file.

    Raises InputError naming the file where it is missing, damaged, or holds another network.
    """
    tensors, notes = load_tensors(path)
    network = Sfera(settings, size_px).to(memory_format=torch.channels_last)
    try:
        network.load_state_dict({name: t for name, t in tensors.items() if not name.startswith("ridge.")})
        ridge = VolumeRidge.from_tensors(tensors)
        if ridge.coefficients.shape != (2, network.head.in_features):
            raise ValueError(f"a ridge of shape {ridge.coefficients.shape}")
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: does not hold the SFERA network of its study file ({reason}); make it again with that study") from error
    return network, ridge, notes
