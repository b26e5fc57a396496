"""Training of the generator on real frames and masks, and painting of synthetic subjects.

The generator learns on the training split alone and paints one frame at a time (paper, Methods).
"""

import copy
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from cardiosynth.checkpoints import load_tensors, load_training, save_tensors, save_training
from cardiosynth.cohort import OWN_COLUMNS, Cohort, Subject
from cardiosynth.frames import augment, frames, to_network, write_log
from cardiosynth.progress import bar
from cardiosynth.spade import (
    Discriminator,
    SpadeGenerator,
    feature_matching,
    hinge_discriminator,
    hinge_generator,
    one_hot,
    perceptual,
)
from cardiosynth.study import Generator as Settings
from cardiosynth.study import fingerprint

Features = Callable[[Tensor], list[Tensor]]

BETAS = (0.0, 0.9)  # Adam, as in SPADE
AVERAGING = 0.995  # decay per step of the averaged generator that paints
CALIBRATION_BATCHES = 50
SAVE_EVERY_S = 30.0
LOG_EVERY = 50


def to_planes(masks: np.ndarray, device) -> Tensor:
    """Masks (N, H, W) of uint8 as label planes (N, 4, H, W)."""
    return one_hot(torch.from_numpy(np.array(masks)).to(device))


class Training:
    """Generator, discriminator, the averaged generator and their optimizers: all that a state holds."""

    def __init__(self, settings: Settings, features: Features | None, seed: int, device):
        self.settings, self.features = settings, features
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator, discriminator = SpadeGenerator(settings), Discriminator(settings)
        self.generator = generator.to(device, memory_format=torch.channels_last)
        self.discriminator = discriminator.to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.modules = {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}
        self.optimizers = {
            "generator": torch.optim.Adam(self.generator.parameters(), settings.generator_rate, BETAS),
            "discriminator": torch.optim.Adam(self.discriminator.parameters(), settings.discriminator_rate, BETAS),
        }

    def step(self, number: int, planes: Tensor, images: Tensor) -> dict[str, float]:
        """One update of both networks on label planes (N, 4, H, W) and real images (N, 1, H, W)."""
        self._set_rates(number)
        painted = self.generator(planes)
        losses = self._generator_losses(planes, images, painted)
        self._update("generator", sum(losses.values()))
        real, fake = self._judge(planes, images, painted.detach())
        losses["discriminator"] = hinge_discriminator([r[-1] for r in real], [f[-1] for f in fake])
        self._update("discriminator", losses["discriminator"])
        self._average(number)
        return {name: loss.item() for name, loss in losses.items()}

    def _set_rates(self, number):
        """Constant over the first half, then linearly towards zero, as GauGAN is trained."""
        share = min(1.0, 2.0 * (1.0 - number / self.settings.steps))
        self.optimizers["generator"].param_groups[0]["lr"] = self.settings.generator_rate * share
        self.optimizers["discriminator"].param_groups[0]["lr"] = self.settings.discriminator_rate * share

    def _generator_losses(self, planes, images, painted):
        self.discriminator.requires_grad_(False)  # saves the gradients of weights that this update leaves alone
        real, fake = self._judge(planes, images, painted)
        self.discriminator.requires_grad_(True)
        losses = {
            "adversarial": hinge_generator([scale[-1] for scale in fake]),
            "feature_matching": self.settings.feature_weight * feature_matching(real, fake),
        }
        if self.features is not None and self.settings.perceptual_weight > 0:
            with torch.no_grad():
                wanted = self.features(images)
            losses["perceptual"] = self.settings.perceptual_weight * perceptual(wanted, self.features(painted))
        return losses

    def _judge(self, planes, images, painted):
        """The discriminator's features of the real and of the painted images, in one pass."""
        both = self.discriminator(torch.cat([planes, planes]), torch.cat([images, painted]))
        count = len(images)
        real = [[layer[:count] for layer in scale] for scale in both]
        return real, [[layer[count:] for layer in scale] for scale in both]

    def _update(self, name, loss):
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[name].step()

    @torch.no_grad()
    def _average(self, number):
        decay = min(AVERAGING, (1 + number) / (10 + number))
        for mean, value in zip(self.average.parameters(), self.generator.parameters()):
            mean.lerp_(value, 1 - decay)


def train_generator(
    cohort: Cohort, settings: Settings, features: Features | None, folder, seed: int, device="cpu",
    progress: bool = True,
) -> SpadeGenerator:
    """Train on every frame of ``cohort``, which is the training split of a dataset with masks.

    Writes generator.safetensors and training.csv.
    features: images (N, 1, H, W) in [-1, 1] to feature maps for the perceptual loss, or None for none.
    A killed training goes on from its last state and ends with the same bytes as an uninterrupted one.
    Raises InputError where the cohort has no masks or no subjects.
    """
    folder = Path(folder)
    images, masks = frames(cohort)
    training = Training(settings, features, seed, device)
    mark = _fingerprint(settings, features, seed, images, masks)
    state = folder / "state.safetensors"
    notes = load_training(state, training.modules, training.optimizers, mark) or {"step": 0, "log": []}
    log, saved = notes["log"], time.monotonic()
    numbers = range(notes["step"], settings.steps)
    for number in bar(numbers, "generator") if progress else numbers:
        losses = training.step(number, *_batch(images, masks, settings.batch, seed, number, device))
        if number % LOG_EVERY == 0 or number + 1 == settings.steps:
            log.append({"step": number + 1, **losses})
        if time.monotonic() - saved > SAVE_EVERY_S:
            notes = {"fingerprint": mark, "step": number + 1, "log": log}
            save_training(state, training.modules, training.optimizers, notes)
            saved = time.monotonic()
    _calibrate(training.average, masks, settings.batch, seed, device)
    _write(folder, training.average, settings, log)
    state.unlink(missing_ok=True)
    return training.average


def _fingerprint(settings, features, seed, images, masks):
    data = [zlib.crc32(images.tobytes()), zlib.crc32(masks.tobytes())]
    return fingerprint([settings.model_dump(mode="json"), features is not None, seed, data])


def _batch(images, masks, size, seed, number, device):
    """Frames drawn for one step. Shifted but not turned: the chest wall, lung and liver keep their places."""
    rng = np.random.default_rng([seed, number])
    chosen = rng.integers(len(images), size=size)
    image, mask = augment(images[chosen], masks[chosen], rng)
    return to_planes(mask, device), to_network(image, device)


@torch.no_grad()
def _calibrate(generator, masks, size, seed, device):
    """Measure the statistics of batch normalisation anew: those met in training belong to other weights.

    Masks as painting will see them: each once, in random order, without augmentation, up to 50 batches.
    Leaves the generator in evaluation mode.
    """
    norms = [module for module in generator.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    order = np.random.default_rng([seed, 0, 1]).permutation(len(masks))[: CALIBRATION_BATCHES * size]
    generator.train()
    for first in range(0, len(order), size):
        generator(to_planes(masks[order[first : first + size]], device))
    generator.eval()


def _write(folder, generator, settings, log):
    notes = {"settings": settings.model_dump(mode="json")}
    save_tensors(folder / "generator.safetensors", generator.state_dict(), notes)
    write_log(folder, log, "step")


def load_generator(folder, device="cpu") -> SpadeGenerator:
    """The generator that train_generator left in ``folder``, ready to paint."""
    tensors, notes = load_tensors(Path(folder) / "generator.safetensors")
    with torch.random.fork_rng(devices=[]):
        generator = SpadeGenerator(Settings(**notes["settings"]))
    generator.load_state_dict(tensors)
    return generator.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)


@torch.no_grad()
def paint(generator: SpadeGenerator, masks: np.ndarray, batch: int = 64, device="cpu") -> np.ndarray:
    """Paint masks (N, H, W) of uint8 into images (N, H, W) of uint8. Each image depends on its own mask alone."""
    painted = np.empty(masks.shape, np.uint8)
    for first in range(0, len(masks), batch):
        some = slice(first, first + batch)
        images = generator.eval()(to_planes(masks[some], device))[:, 0]
        painted[some] = ((images + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()
    return painted


def paint_subjects(
    generator: SpadeGenerator, pairs: Iterable[tuple[pd.Series, np.ndarray]], batch: int = 64, device="cpu"
) -> Iterator[Subject]:
    """Yield a painted Subject, without masks, for every (row, masks (slices, 2, H, W)) of synthetic recipes.

    row: id, source, edv_ml, esv_ml, slice_gap_mm, spacing_mm; its other fields become ``extra`` columns.
    """
    for row, masks in pairs:
        row = dict(row)
        images = paint(generator, masks.reshape(-1, *masks.shape[2:]), batch, device).reshape(masks.shape)
        extra = {name: value for name, value in row.items() if name not in ("id", *OWN_COLUMNS)}
        spacing = (float(row["spacing_mm"]),) * 2
        gap, edv, esv = (float(row[name]) for name in ("slice_gap_mm", "edv_ml", "esv_ml"))
        yield Subject(str(row["id"]), str(row["source"]), images, None, spacing, gap, edv, esv, extra)
