"""Training of the SPADE generator on real slices and their masks (paper, Methods; Park et al., CVPR 2019).

It learns on the training split alone; validation subjects choose the checkpoint that paints.
"""

import copy
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.frames import augment, samples, to_network, write_log
from cardiosynth.networks.adversary import (
    Discriminator,
    LeCam,
    augment_seen,
    feature_matching,
    hinge_discriminator,
    hinge_generator,
    kl_divergence,
    perceptual,
)
from cardiosynth.networks.loop import resume
from cardiosynth.networks.spade import sample
from cardiosynth.painting.judge import Judge, better
from cardiosynth.painting.painter import Painter, measure_noise, save_painter, to_planes
from cardiosynth.study.closure import mark
from cardiosynth.study.sections import GeneratorSettings
from cardiosynth.study.study_file import fingerprint

Features = Callable[[Tensor], list[Tensor]]
LabelLoss = Callable[[Tensor, Tensor], Tensor]

BETAS = (0.0, 0.9)  # Adam, as in SPADE
CALIBRATION_BATCHES = 50
LOG_EVERY = 50


class Slices:
    """Training samples in memory: images and masks (N, C, H, W), and the number of the subject of each."""

    def __init__(self, cohort: Cohort, settings: GeneratorSettings, device):
        self.images, self.masks, self.owners = samples(cohort, settings.phases)
        self.settings, self.device = settings, device
        self.of_subject = [np.flatnonzero(self.owners == owner) for owner in range(len(cohort))]

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Masks (N, C, H, W), their planes and the images of one step, and the images that their styles are taken from.

        Shifted but not turned: the chest wall, lung and liver keep their places. With ``mix_pairs`` half of the pairs
        stand the other way round, ES as ED: training hearts contract well, and a painter of both frames may learn to paint what
        it expects of them. Where a subject has one style, another of its slices gives it: it then tells what they share, no more.
        """
        chosen = rng.integers(len(self.images), size=self.settings.batch)
        image, mask = self.images[chosen], self.masks[chosen]
        if self.settings.frames == "joint" and self.settings.mix_pairs:
            turned = rng.random(len(chosen)) < 0.5
            image[turned], mask[turned] = image[turned, ::-1], mask[turned, ::-1]
        image, mask = augment(image, mask, rng)
        image, planes = to_network(image, self.device), to_planes(mask, self.device)
        mask, style_images = torch.from_numpy(mask).to(self.device), None
        if self.settings.style == "latent":
            others = [rng.choice(self.of_subject[self.owners[index]]) for index in chosen]
            style_images = to_network(self.images[others], self.device) if self.settings.style_of == "subject" else image
        return mask, planes, image, style_images

    def checksum(self) -> list[int]:
        """What the data are, for telling states of other trainings apart."""
        return [zlib.crc32(self.images.tobytes()), zlib.crc32(self.masks.tobytes())]


class AdversarialTraining:
    """The painter, its adversary, the averaged painter and their optimizers: all that a state holds."""

    def __init__(self, settings: GeneratorSettings, features: Features | None, label_loss: LabelLoss | None, subjects: int, seed: int, device):
        self.settings, self.features, self.label_loss, self.seed = settings, features, label_loss, seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            painter, discriminator = Painter(settings, subjects), Discriminator(settings)
        self.painter = painter.to(device, memory_format=torch.channels_last)
        self.discriminator = discriminator.to(device, memory_format=torch.channels_last)
        self.lecam = LeCam().to(device)
        self.average, self.best = (copy.deepcopy(self.painter).requires_grad_(False) for _ in range(2))
        self.modules = {"painter": self.painter, "discriminator": self.discriminator, "lecam": self.lecam,
                        "average": self.average, "best": self.best}  # fmt: skip
        self.optimizers = {
            "painter": torch.optim.Adam(self.painter.parameters(), settings.generator_rate, BETAS),
            "discriminator": torch.optim.Adam(self.discriminator.parameters(), settings.discriminator_rate, BETAS),
        }

    def step(self, number: int, slices: Slices) -> dict[str, float]:
        """One update of the painter and of its adversary. All that is drawn is drawn from (seed, number)."""
        rng = np.random.default_rng([self.seed, number])
        masks, planes, images, style_images = slices.batch(rng)
        seen = int(rng.integers(2**32))  # one seed for both updates: real and painted are augmented alike
        self._set_rates(number)
        style, losses = self._style(style_images, rng)
        painted = self.painter.generator(planes, style)
        losses |= self._painter_losses(planes, images, painted, seen) | self._reading_losses(masks, images, painted)
        self._update("painter", sum(losses.values()))
        real, fake = self._judge(planes, images, painted.detach(), seen)
        scores = [r[-1] for r in real], [f[-1] for f in fake]
        losses["discriminator"] = hinge_discriminator(*scores)
        lecam = self.settings.lecam_weight * self.lecam(*scores) if self.settings.lecam_weight else 0.0
        self._update("discriminator", losses["discriminator"] + lecam)
        self._average(number)
        losses |= {f"score_{kind}": torch.stack([s.mean() for s in score]).mean() for kind, score in zip(("real", "painted"), scores)}
        return {name: loss.item() for name, loss in losses.items()}

    def _set_rates(self, number):
        """Constant over the first half, then linearly towards zero, as GauGAN is trained."""
        share = min(1.0, 2.0 * (1.0 - number / self.settings.steps))
        self.optimizers["painter"].param_groups[0]["lr"] = self.settings.generator_rate * share
        self.optimizers["discriminator"].param_groups[0]["lr"] = self.settings.discriminator_rate * share

    def _style(self, images, rng):
        """Styles drawn from those encoded, with what they lose for differing from the normal distribution."""
        if images is None:
            return None, {}
        mean, log_variance = self.painter.encoder(images)
        noise = torch.from_numpy(rng.standard_normal(mean.shape, np.float32)).to(mean.device)
        return sample(mean, log_variance, noise), {"kl": self.settings.kl_weight * kl_divergence(mean, log_variance)}

    def _painter_losses(self, planes, images, painted, seen):
        self.discriminator.requires_grad_(False)  # saves the gradients of weights that this update leaves alone
        real, fake = self._judge(planes, images, painted, seen)
        self.discriminator.requires_grad_(True)
        return {
            "adversarial": hinge_generator([scale[-1] for scale in fake]),
            "feature_matching": self.settings.feature_weight * feature_matching(real, fake),
        }

    def _reading_losses(self, masks, images, painted):
        """What networks that take single frames make of real and painted ones: their features, and the labels they find."""
        masks, images, painted = (x.flatten(0, 1)[:, None] for x in (masks, images, painted))
        losses = {}
        if self.features is not None and self.settings.perceptual_weight > 0:
            with torch.no_grad():
                wanted = self.features(images)
            losses["perceptual"] = self.settings.perceptual_weight * perceptual(wanted, self.features(painted))
        if self.label_loss is not None and self.settings.label_weight > 0:
            losses["labels"] = self.settings.label_weight * self.label_loss(painted, masks)
        return losses

    def _judge(self, planes, images, painted, seen):
        """The discriminator's features of the real and of the painted images, in one pass."""
        pairs = [(planes, images), (planes, painted)]
        if self.settings.discriminator_augment:
            pairs = [augment_seen(*pair, np.random.default_rng(seen)) for pair in pairs]
        both = self.discriminator(*(torch.cat(parts) for parts in zip(*pairs)))
        return tuple([[layer[some] for layer in scale] for scale in both] for some in (slice(len(images)), slice(len(images), None)))

    def _update(self, name, loss):
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[name].step()

    @torch.no_grad()
    def _average(self, number):
        decay = min(self.settings.averaging, (1 + number) / (10 + number))
        for mean, value in zip(self.average.parameters(), self.painter.parameters()):
            mean.lerp_(value, 1 - decay)


def train_generator(
    cohort: Cohort,
    settings: GeneratorSettings,
    features: Features | None,
    label_loss: LabelLoss | None,
    judge: Judge | None,
    folder,
    seed: int,
    device="cpu",
    progress: bool = True,
) -> Painter:
    """Train on every slice of ``cohort``, which is the training split of a dataset with masks.

    Writes generator.safetensors, training.csv and checkpoints.csv, in which ``judge`` scores the averaged painter; without
    a judge the last one is kept. features: frames (N, 1, H, W) in [-1, 1] to feature maps for the perceptual loss, or None.
    label_loss: such frames and their masks to how far the labels found in them are from those, or None. A killed training
    goes on and ends with the same bytes. Raises InputError where the cohort has no masks or no subjects.
    """
    slices = Slices(cohort, settings, device)
    training = AdversarialTraining(settings, features, label_loss, len(cohort), seed, device)
    seen = features is not None, label_loss is not None, slices.checksum(), judge and judge.checksum()
    identity = fingerprint([settings.model_dump(mode="json"), seed, mark(__name__), *seen])
    state = Path(folder) / "state.safetensors"
    notes, steps = resume(state, training.modules, training.optimizers, identity, settings.steps, "generator", progress)
    judged, judged_at = notes.setdefault("judged", []), set(_checkpoints(settings))
    for number in steps:
        losses = training.step(number, slices)
        if number % LOG_EVERY == 0 or number + 1 == settings.steps:
            notes["log"].append({"step": number + 1, **losses})
        if number + 1 in judged_at:
            _checkpoint(training, slices, judge, judged, number + 1)
    save_painter(folder, training.best)
    write_log(Path(folder), notes["log"], "step")
    write_log(Path(folder), judged, "step", "checkpoints")
    state.unlink(missing_ok=True)
    return training.best.eval()


def _checkpoints(settings: GeneratorSettings) -> np.ndarray:
    """The steps after which the painter is judged, evenly spaced, the last among them."""
    return np.linspace(0, settings.steps, settings.checkpoints + 1).round().astype(int)[1:]


def _checkpoint(training: AdversarialTraining, slices: Slices, judge: Judge | None, judged: list[dict], step: int) -> None:
    """Keep the averaged painter, ready to paint, where it is the best so far."""
    painter = copy.deepcopy(training.average)
    for mean, value in zip(painter.buffers(), training.painter.buffers()):
        mean.copy_(value)  # the vectors of spectral norm belong to the weights in training
    _ready(painter, slices, training.seed)
    scores = judge(painter) if judge else {}
    if judge is None or better(scores, judged, judge.real_dice):
        training.best.load_state_dict(painter.state_dict())
    judged.append({"step": step, **scores})


@torch.no_grad()
def _ready(painter: Painter, slices: Slices, seed: int) -> None:
    """Encode the styles of the training subjects; measure the statistics of batch normalisation anew, and the missing noise.

    Those met in training belong to other weights. Masks are as painting will see them: in random order, without augmentation,
    up to 50 batches. Leaves the painter in evaluation mode.
    """
    painter.eval()
    if painter.encoder is not None:
        for index, rows in enumerate(slices.of_subject):
            encoded = torch.stack(painter.encoder(to_network(slices.images[rows], slices.device)))  # (2, slices, Z)
            painter.styles[index] = encoded.mean(dim=1)
    for norm in (module for module in painter.generator.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
    rng, size = np.random.default_rng([seed, 0, 1]), slices.settings.batch
    order = rng.permutation(len(slices.masks))[: CALIBRATION_BATCHES * size]
    painter.generator.train()
    for first in range(0, len(order), size):
        some = slices.masks[order[first : first + size]]
        painter.generator(to_planes(some, slices.device), painter.draw_styles(len(some), rng))
    painter.eval()
    if slices.settings.noise == "measured":
        pairs = [x.reshape(-1, 2, *x.shape[2:]) for x in (slices.images, slices.masks)]
        chosen = rng.permutation(len(pairs[0]))[: len(order)]
        measure_noise(painter, *(x[chosen] for x in pairs), rng, slices.device)
