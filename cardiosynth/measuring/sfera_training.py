"""Training SFERA: batches of whole subjects, augmentation, the loop, and its resumption."""

import copy
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from cardiosynth.data.cohort import Cohort
from cardiosynth.measuring.plan import Schedule
from cardiosynth.measuring.zoom import draw, zoom
from cardiosynth.networks.loop import resume
from cardiosynth.networks.sfera import Sfera, VolumeRidge
from cardiosynth.study.closure import mark
from cardiosynth.study.study_file import fingerprint as hashed


@dataclass(frozen=True)
class Hearts:
    """Subjects in memory. images: per subject (slices, 2, H, W) uint8; volumes: (n, 2) EDV and ESV in ml
    per mm of slice gap (paper: normalised by the distance between slices)."""

    images: list[Tensor]
    volumes: np.ndarray

    @classmethod
    def of(cls, *cohorts: Cohort) -> "Hearts":
        """Read cohorts, one after the other."""
        images, volumes = [], []
        for cohort in cohorts:
            pixels = cohort.images()
            images += [torch.from_numpy(np.array(pixels[cohort.rows(name)])) for name in cohort.table.index]
            volumes.append(cohort.table[["edv_ml", "esv_ml"]].to_numpy() / cohort.table[["slice_gap_mm"]].to_numpy())
        return cls(images, np.concatenate(volumes))

    def checksum(self) -> list:
        """What the hearts are, pixels and volumes, for telling trainings on other data apart."""
        return [zlib.crc32(images.numpy().tobytes()) for images in self.images] + self.volumes.tolist()

    def __len__(self):
        return len(self.images)

    def __add__(self, other: "Hearts") -> "Hearts":
        return Hearts(self.images + other.images, np.concatenate([self.volumes, other.volumes]))


def batch_of(hearts: Hearts, members, device) -> tuple[Tensor, Tensor]:
    """Images (sum of slices, 2, H, W) in [0, 1] on the device, and slices per subject."""
    slices = torch.tensor([len(hearts.images[i]) for i in members])
    images = torch.cat([hearts.images[i] for i in members])
    return images.to(device).float().div_(255), slices


def augment(images: Tensor, slices: Tensor, rng: np.random.Generator, kind: str = "full") -> Tensor:
    """Flip, transpose, shift (up to 6 % of the width) and change gain, offset and gamma, per subject.

    Nothing that changes a volume. images: (sum of slices, 2, H, W) in [0, 1]; returns the same shape.
    kind: ``none``, ``flips`` (with transposition, and no more) or ``full``.
    """
    if kind == "none":
        return images
    reach = max(images.shape[-1] // 16, 1)
    augmented = []
    for stack in images.split(slices.tolist()):
        if rng.random() < 0.5:
            stack = stack.flip(-1)
        if rng.random() < 0.5:
            stack = stack.flip(-2)
        if rng.random() < 0.5:
            stack = stack.transpose(-1, -2)
        if kind == "full":
            stack = shift(stack, *rng.integers(-reach, reach + 1, 2))
            gain, offset, gamma = rng.uniform(0.85, 1.15), rng.uniform(-0.08, 0.08), np.exp(rng.uniform(-0.25, 0.25))
            stack = (stack.clamp(min=0) ** gamma * gain + offset).clamp(0, 1)
        augmented.append(stack)
    return torch.cat(augmented)


def shift(stack: Tensor, rows: int, columns: int) -> Tensor:
    """Move images (..., H, W) by whole pixels, filling with 0."""
    height, width = stack.shape[-2:]
    moved = torch.zeros_like(stack)
    to_rows, to_columns = slice(max(rows, 0), height + min(rows, 0)), slice(max(columns, 0), width + min(columns, 0))
    from_rows, from_columns = slice(max(-rows, 0), height - max(rows, 0)), slice(max(-columns, 0), width - max(columns, 0))
    moved[..., to_rows, to_columns] = stack[..., from_rows, from_columns]
    return moved


def train(
    network: Sfera,
    train_hearts: Hearts,
    validation_hearts: Hearts,
    schedule: Schedule,
    value_range: tuple[float, float],
    folder: Path,
    seed: int,
    device: str,
    fingerprint: str,
    title: str,
) -> Sfera:
    """Train with RAdam and RMSE loss (paper, Methods) and return the best epoch by validation.

    value_range maps volumes per mm of gap to [0, 1]. A state under ``folder`` of the same fingerprint, hearts and first
    weights is resumed and ends as an uninterrupted run would; ``training.csv`` logs every epoch.
    """
    weights = [zlib.crc32(value.detach().cpu().numpy().tobytes()) for value in network.state_dict().values()]
    identity = hashed([fingerprint, mark(__name__), asdict(schedule), weights, train_hearts.checksum(), validation_hearts.checksum()])
    network.to(device)
    best = copy.deepcopy(network)
    best.lstm.flatten_parameters()  # a GPU wants them in one piece, which a copy breaks
    optimizer = torch.optim.RAdam(network.parameters(), lr=schedule.rate, weight_decay=1e-4, decoupled_weight_decay=True)
    targets = [scaled(hearts.volumes, value_range) for hearts in (train_hearts, validation_hearts)]
    state = folder / "state.safetensors"
    notes, epochs = resume(state, {"network": network, "best": best}, {"radam": optimizer}, identity, schedule.epochs, title)
    log = notes["log"]
    for epoch in epochs:
        loss = _epoch(network, optimizer, train_hearts, targets[0], schedule, epoch, seed, device)
        score = float(np.sqrt(((apply(network, validation_hearts, device) - targets[1]) ** 2).mean()))
        if score <= min((row["validation_rmse"] for row in log), default=np.inf):
            best.load_state_dict(network.state_dict())
        log.append({"epoch": epoch, "train_rmse": loss, "validation_rmse": score})
    pd.DataFrame(log).to_csv(folder / "training.csv", index=False)
    return best


def _epoch(network, optimizer, hearts, targets, schedule: Schedule, epoch: int, seed: int, device) -> float:
    """One pass over the hearts in an order drawn from (seed, epoch); returns the mean batch RMSE."""
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(hearts))
    batches = np.array_split(order, schedule.batches(len(order)))
    network.train()
    losses = []
    for index, members in enumerate(batches):
        optimizer.param_groups[0]["lr"] = schedule.rate_at((epoch + index / len(batches)) / schedule.epochs)
        images, slices = batch_of(hearts, members, device)
        truth = targets[members]
        if schedule.zooms:  # the range of volumes begins at 0, so a scaled volume grows like the area
            factors = draw(hearts.volumes[members], *schedule.zooms, rng)
            images, truth = zoom(images, slices, factors), truth * factors
        truth = torch.as_tensor(truth, dtype=torch.float32, device=device)
        loss = (network(augment(images, slices, rng, schedule.augmentation), slices) - truth).square().mean().sqrt()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


@torch.inference_mode()
def apply(network: Sfera, hearts: Hearts, device: str, what: str = "forward", batch: int = 16) -> np.ndarray:
    """The network's outputs (n, 2), or with ``what='features'`` its features (n, 2 hidden)."""
    network.eval()
    results = []
    for first in range(0, len(hearts), batch):
        images, slices = batch_of(hearts, range(first, min(first + batch, len(hearts))), device)
        results.append(getattr(network, what)(images, slices).cpu().numpy())
    return np.concatenate(results).astype(np.float64)


def fit_ridge(network: Sfera, hearts: Hearts, held_out: Hearts, value_range: tuple[float, float], device: str, kind: str) -> VolumeRidge:
    """What reads volumes off the features: a ridge fitted on ``hearts``, or with kind ``none`` the network's linear head.

    value_range: as in training. The noise is that of ``held_out`` subjects.
    """
    seen = apply(network, held_out, device, "features")
    if kind == "none":
        return VolumeRidge.of_head(network.head, value_range, seen, held_out.volumes)
    return VolumeRidge.fit(apply(network, hearts, device, "features"), hearts.volumes, seen, held_out.volumes)


def scaled(volumes: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """Volumes per mm of gap mapped so that the range becomes [0, 1] (paper: unity-based normalisation)."""
    low, high = value_range
    return (volumes - low) / (high - low)
