"""The comparator: a U-Net that outlines the heart, from whose outlines volumes follow by Simpson's rule.

Trained on the frames of the training split, as the generator is; its encoder is the pretrained network of
the generator's perceptual loss (SPADE takes VGG19, which has never seen a heart).
"""

import copy
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from monai.losses import DiceCELoss
from monai.networks.blocks import ResidualUnit
from monai.networks.nets import UNet
from scipy.ndimage import label as connected
from torch import Tensor, nn
from torch.nn import functional as F

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.frames import augment, frames, to_network, write_log
from cardiosynth.data.subject import ED, ES
from cardiosynth.data.volumes import LABELS, LV, volume_ml
from cardiosynth.networks.checkpoints import load_tensors, save_tensors
from cardiosynth.networks.loop import resume
from cardiosynth.study.closure import mark
from cardiosynth.study.sections import UNetSettings
from cardiosynth.study.study_file import fingerprint

WIDTHS = (1, 2, 4, 8, 16)  # of the levels, in multiples of ``channels``
STRIDES = (1, 2, 2, 2)  # the first level keeps the full resolution: the end-systolic cavity is a few pixels wide
MULTIPLE = 8  # of which height and width must be for those strides
RESIDUAL_UNITS = 2  # convolutions of a level, beside a shortcut; one plain convolution a level leaves a few points of Dice


class SegmentationNetwork(nn.Module):
    """MONAI's U-Net in two dimensions. Images (N, 1, H, W) in [-1, 1] to scores (N, 4, H, W)."""

    def __init__(self, settings: UNetSettings):
        super().__init__()
        widths = [settings.channels * width for width in WIDTHS]
        self.unet = UNet(2, 1, len(LABELS), widths, STRIDES, num_res_units=RESIDUAL_UNITS)

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        return self.unet(padded)[..., :height, :width]


def _new(settings: UNetSettings, seed: int, device) -> SegmentationNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SegmentationNetwork(settings)
    return network.to(device, memory_format=torch.channels_last)


def train_segmentation(
    cohort: Cohort, settings: UNetSettings, folder, seed: int, device="cpu", progress: bool = True, title: str = "segmentation"
) -> SegmentationNetwork:
    """Train on the split ``train``, keep the best epoch by LV Dice on ``validation``.

    Writes segmentation.safetensors and training.csv. A killed training goes on from its last state and ends
    with the same bytes. Raises InputError where the cohort has no masks or one of the splits is empty.
    """
    folder = Path(folder)
    train, validation = frames(cohort.split("train")), frames(cohort.split("validation"))
    network = _new(settings, seed, device)
    best = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), settings.rate, weight_decay=1e-4)
    identity = _fingerprint(settings, seed, *train, *validation)
    state = folder / "state.safetensors"
    notes, epochs = resume(state, {"network": network, "best": best}, {"adam": optimizer}, identity, settings.epochs, title, progress)
    log = notes["log"]
    for epoch in epochs:
        loss = _epoch(network, optimizer, *train, settings, epoch, seed, device)
        scores = _score(network, *validation, device)
        if scores["lv"] >= max((row["validation_dice_lv"] for row in log), default=0.0):
            best.load_state_dict(network.state_dict())
        log.append({"epoch": epoch, "loss": loss, **{f"validation_dice_{name}": score for name, score in scores.items()}})
    _write(folder, best, settings, log)
    state.unlink(missing_ok=True)
    return best.eval().requires_grad_(False)


def _fingerprint(settings, seed, *arrays):
    return fingerprint([settings.model_dump(mode="json"), seed, mark(__name__), [zlib.crc32(array.tobytes()) for array in arrays]])


def _epoch(network, optimizer, images, masks, settings, epoch, seed, device) -> float:
    """One pass over all frames in an order drawn from (seed, epoch); returns the mean loss."""
    rng = np.random.default_rng([seed, epoch])
    loss_of = _loss()
    batches = np.array_split(rng.permutation(len(images)), -(-len(images) // settings.batch))
    network.train()
    losses = []
    for index, chosen in enumerate(batches):
        progress = (epoch + index / len(batches)) / settings.epochs
        optimizer.param_groups[0]["lr"] = settings.rate * 0.5 * (1 + np.cos(np.pi * progress))
        image, mask = augment(images[chosen], masks[chosen], rng, turn=True)
        truth = torch.from_numpy(mask).to(device).long()[:, None]
        loss = loss_of(network(_jitter(to_network(image, device), rng)), truth)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def _loss() -> DiceCELoss:
    """Over the whole batch: many slices lack a structure, and what is absent from a slice has no Dice."""
    return DiceCELoss(to_onehot_y=True, softmax=True, batch=True)


def _jitter(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Change the contrast and brightness of each image (N, 1, H, W): scanners differ in both."""
    gain, offset = rng.uniform(0.8, 1.2, len(images)), rng.uniform(-0.2, 0.2, len(images))
    gain, offset = (torch.tensor(v, dtype=images.dtype, device=images.device).view(-1, 1, 1, 1) for v in (gain, offset))
    return (images * gain + offset).clamp(-1, 1)


def _score(network, images, masks, device) -> dict[str, float]:
    labels = segment(network, images, device=device)
    return {name: dice(labels, masks, label) for name, label in LABELS.items() if name != "background"}


def _write(folder, network, settings, log):
    notes = {"settings": settings.model_dump(mode="json")}
    save_tensors(folder / "segmentation.safetensors", network.state_dict(), notes)
    write_log(folder, log, "epoch")


def load_segmentation(folder, device="cpu") -> SegmentationNetwork:
    """The network that train_segmentation left in ``folder``, in evaluation mode."""
    tensors, notes = load_tensors(Path(folder) / "segmentation.safetensors")
    network = _new(UNetSettings(**notes["settings"]), 0, device)
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(False)


@torch.no_grad()
def segment(network: SegmentationNetwork, images: np.ndarray, batch: int = 64, device="cpu") -> np.ndarray:
    """Labels (N, H, W) of uint8 of images (N, H, W) of uint8."""
    network.eval()
    labels = np.empty(images.shape, np.uint8)
    for first in range(0, len(images), batch):
        some = slice(first, first + batch)
        labels[some] = network(to_network(images[some], device)).argmax(dim=1).byte().cpu().numpy()
    return labels


def segment_stack(network: SegmentationNetwork, images: np.ndarray, device="cpu") -> np.ndarray:
    """Labels, uint8, of a stack (slices, 2, H, W), where each phase has one LV: the largest that hangs together over slices.

    What else looks like blood, such as a bright stomach, becomes background.
    """
    labels = segment(network, images.reshape(-1, *images.shape[2:]), device=device).reshape(images.shape)
    for phase in (ED, ES):
        parts, count = connected(labels[:, phase] == LV)
        if count > 1:
            largest = np.bincount(parts[parts > 0]).argmax()
            labels[:, phase][(parts > 0) & (parts != largest)] = 0
    return labels


def dice(prediction: np.ndarray, truth: np.ndarray, label: int = LV) -> float:
    """Overlap 2|A∩B| / (|A| + |B|) of one label over all pixels given; 1 where neither has any."""
    predicted, true = np.asarray(prediction) == label, np.asarray(truth) == label
    total = predicted.sum() + true.sum()
    return 2.0 * float((predicted & true).sum()) / float(total) if total else 1.0


def predict_volumes(network: SegmentationNetwork, cohort: Cohort, device="cpu") -> pd.DataFrame:
    """LV volumes by Simpson's rule over the segmented slices: columns subject, edv_ml, esv_ml."""
    images, rows = cohort.images(), []
    for subject, about in cohort.table.iterrows():
        labels = segment_stack(network, np.asarray(images[cohort.rows(subject)]), device)
        volumes = volume_ml(labels, about["spacing_mm"] ** 2, about["slice_gap_mm"])
        rows.append({"subject": subject, "edv_ml": float(volumes[ED]), "esv_ml": float(volumes[ES])})
    return pd.DataFrame(rows)


def label_loss(network: SegmentationNetwork) -> Callable[[Tensor, Tensor], Tensor]:
    """How far what the frozen network finds in images (N, 1, H, W) is from masks (N, 1, H, W): its own training loss."""
    frozen, loss_of = copy.deepcopy(network).eval().requires_grad_(False), _loss()
    return lambda images, masks: loss_of(frozen(images), masks)


def features(network: SegmentationNetwork) -> Callable[[Tensor], list[Tensor]]:
    """The frozen encoder, for the perceptual loss: images (N, 1, H, W) in [-1, 1] to five feature maps.

    They have 1, 1/2, 1/4, 1/8 and 1/8 of the side. Gradients flow to the images, not to the network.
    """
    frozen = copy.deepcopy(network).eval().requires_grad_(False)
    encoder = [layer for layer in frozen.modules() if isinstance(layer, ResidualUnit)][: len(WIDTHS)]  # MONAI's first ones lead down

    def maps(images: Tensor) -> list[Tensor]:
        levels = []
        for layer in encoder:
            images = layer(images)
            levels.append(images)
        return levels

    return maps
