"""Painting of masks with a trained generator: one style a subject, one image a mask, reproducible in any order."""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from cardiosynth.data.cohort import OWN_COLUMNS
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import LABELS
from cardiosynth.networks.checkpoints import load_tensors, save_tensors
from cardiosynth.networks.spade import SpadeGenerator, StyleEncoder, one_hot, sample
from cardiosynth.painting.folded import fold
from cardiosynth.painting.grain import RINGS, missing, with_noise
from cardiosynth.study.sections import GeneratorSettings

FILE = "generator.safetensors"
BATCH = 64
NOISE_BATCH = 8  # slices painted in one style where the noise is measured


class Painter(nn.Module):
    """The generator and, where it has styles, the encoder that they come from and those of its training subjects.

    ``styles`` (subjects, 2, style_channels) holds the mean and the log variance of each. A synthetic subject is painted
    in a style drawn from that of a training subject, since few data never fill the normal distribution of SPADE.
    ``noise_sd`` (labels,) and ``noise_colour`` (rings,) are the noise that its images lack and that a Studio adds (``grain``).
    """

    def __init__(self, settings: GeneratorSettings, subjects: int):
        super().__init__()
        self.settings = settings
        self.generator = SpadeGenerator(settings)
        self.encoder = None
        self.register_buffer("noise_sd", torch.zeros(len(LABELS)))
        self.register_buffer("noise_colour", torch.zeros(RINGS))
        if settings.style == "latent":
            self.encoder = StyleEncoder(settings)
            self.register_buffer("styles", torch.zeros(subjects, 2, settings.style_channels))

    def draw_styles(self, count: int, rng: np.random.Generator) -> Tensor | None:
        """Styles (count, style_channels) for the samples of a stack: one for all of them, or one each; None without styles."""
        if self.encoder is None:
            return None
        draws = 1 if self.settings.style_of == "subject" else count
        chosen = torch.from_numpy(rng.integers(len(self.styles), size=draws)).to(self.styles.device)
        noise = torch.from_numpy(rng.standard_normal((draws, self.settings.style_channels), np.float32)).to(self.styles.device)
        mean, log_variance = self.styles[chosen].unbind(1)
        return sample(mean, log_variance, noise).expand(count, -1)


def to_planes(masks: np.ndarray, device) -> Tensor:
    """Masks (N, H, W) or (N, C, H, W) of uint8 as label planes (N, 4 C, H, W)."""
    return one_hot(torch.from_numpy(np.array(masks)).to(device))


def save_painter(folder, painter: Painter) -> None:
    """generator.safetensors with the settings in its notes."""
    save_tensors(Path(folder) / FILE, painter.state_dict(), {"settings": painter.settings.model_dump(mode="json")})


def load_painter(folder, device="cpu") -> Painter:
    """The painter of a trained generator, in evaluation mode. Raises InputError where there is none."""
    tensors, notes = load_tensors(Path(folder) / FILE)
    with torch.random.fork_rng(devices=[]):
        painter = Painter(GeneratorSettings(**notes["settings"]), len(tensors.get("styles", ())))
    painter.load_state_dict(tensors)
    return painter.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)


@torch.no_grad()
def paint(generator: nn.Module, masks: np.ndarray, styles: Tensor | None = None, batch: int = BATCH, device="cpu") -> np.ndarray:
    """Paint masks (N, C, H, W) of uint8 into images of that shape. Each depends on its own mask and style alone.

    generator: a SpadeGenerator in evaluation mode, or one folded.
    """
    painted = np.empty(masks.shape, np.uint8)
    for first in range(0, len(masks), batch):
        some = slice(first, first + batch)
        images = generator(to_planes(masks[some], device), None if styles is None else styles[some])
        painted[some] = ((images + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()
    return painted


def measure_noise(painter: Painter, images: np.ndarray, masks: np.ndarray, rng: np.random.Generator, device="cpu") -> None:
    """Set the painter's noise to what its images of these masks lack beside the real ones, all (slices, 2, H, W) of uint8."""
    together = masks.reshape(-1, painter.settings.phases, *masks.shape[2:])
    parts = [together[first : first + NOISE_BATCH] for first in range(0, len(together), NOISE_BATCH)]
    painted = [paint(painter.generator, part, painter.draw_styles(len(part), rng), device=device) for part in parts]
    sd, colour = missing(images, np.concatenate(painted).reshape(masks.shape), masks)
    painter.noise_sd.copy_(torch.from_numpy(sd))
    painter.noise_colour.copy_(torch.from_numpy(colour))


class Studio:
    """A painter at work on whole stacks. seed and the name of a stack fix its style and its noise."""

    def __init__(self, painter: Painter, seed: int, device="cpu"):
        self.painter, self.seed, self.device = painter, seed, device
        self.generator = fold(painter.generator)

    def paint(self, name: str, masks: np.ndarray) -> np.ndarray:
        """Images (slices, 2, H, W) of masks of that shape, both of uint8."""
        together = masks.reshape(-1, self.painter.settings.phases, *masks.shape[2:])
        rng = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        styles = self.painter.draw_styles(len(together), rng)
        painted = paint(self.generator, together, styles, device=self.device).reshape(masks.shape)
        return with_noise(painted, masks, self.painter.noise_sd.cpu().numpy(), self.painter.noise_colour.cpu().numpy(), rng)


def paint_subjects(studio: Studio, pairs: Iterable[tuple[pd.Series, np.ndarray]]) -> Iterator[Subject]:
    """Yield a painted Subject, without masks, for every (row, masks (slices, 2, H, W)) of synthetic recipes.

    row: id, source, edv_ml, esv_ml, slice_gap_mm, spacing_mm; its other fields become ``extra`` columns.
    """
    for row, masks in pairs:
        row = dict(row)
        extra = {name: value for name, value in row.items() if name not in ("id", *OWN_COLUMNS)}
        spacing = (float(row["spacing_mm"]),) * 2
        gap, edv, esv = (float(row[name]) for name in ("slice_gap_mm", "edv_ml", "esv_ml"))
        images = studio.paint(str(row["id"]), masks)
        yield Subject(str(row["id"]), str(row["source"]), images, None, spacing, gap, edv, esv, extra)
