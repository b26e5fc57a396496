"""Where the networks look: how much of a predicted volume goes when a spot is hidden.

Occlusion (Zeiler and Fergus, ECCV 2014): a square of 25 mm takes the mean grey of its image, at ED and ES together, slice by
slice, and the ensemble predicts again. It needs no gradients, which max pooling and ReLU make noisy, and its unit is one that
a reader of volumes knows: ml that the spot contributes. Only the CNN of the slice that changes is run again.
"""

import numpy as np
import torch
from torch import Tensor

from cardiosynth.data.volumes import VOLUMES
from cardiosynth.networks.sfera import Sfera, VolumeRidge

PATCH_MM = 25.0  # about an LV's radius; squares overlap by half


@torch.inference_mode()
def occlusion(members: list[tuple[Sfera, VolumeRidge]], images: Tensor, gap_mm: float, spacing_mm: float, volume: str) -> np.ndarray:
    """The ml of a volume that each pixel's surroundings contribute, (slices, H, W), mean over the trainings.

    members: networks and their ridges. images: (slices, 2, H, W) in [0, 1], on the networks' device. volume: of VOLUMES.
    A pixel has the mean of the squares that hide it; negative where hiding it makes the volume larger.
    """
    patch = max(round(PATCH_MM / spacing_mm), 2)
    corners = [(row, column) for row in _starts(images.shape[-2], patch) for column in _starts(images.shape[-1], patch)]
    lost = np.mean([_lost(*member, images, corners, patch, VOLUMES.index(volume)) for member in members], axis=0) * gap_mm
    total, count = np.zeros((len(images), *images.shape[-2:])), np.zeros(images.shape[-2:])
    for (row, column), ml in zip(corners, lost):
        total[:, row : row + patch, column : column + patch] += ml[:, None, None]
        count[row : row + patch, column : column + patch] += 1
    return total / count


def _lost(network: Sfera, ridge: VolumeRidge, images: Tensor, corners: list, patch: int, index: int) -> np.ndarray:
    """Volume per mm of gap less that with a square of one slice hidden, (corners, slices)."""
    slices = len(images)
    mean = images.mean(dim=(2, 3), keepdim=True)
    whole = network.slice_features(images)
    counts, own = torch.full((slices,), slices), torch.arange(slices)
    features = [network.read(whole, counts[:1])]
    for row, column in corners:
        hidden = images.clone()
        hidden[:, :, row : row + patch, column : column + patch] = mean
        stacks = whole.repeat(slices, 1, 1)  # (slice that is hidden, slices, features)
        stacks[own, own] = network.slice_features(hidden)
        features.append(network.read(stacks.flatten(0, 1), counts))
    volumes = ridge.predict(torch.cat(features).cpu().double().numpy())[0][:, index]
    return volumes[0] - volumes[1:].reshape(len(corners), slices)


def _starts(size: int, patch: int) -> list[int]:
    """First pixels of squares that overlap by half and reach the border."""
    return sorted({*range(0, max(size - patch, 0), max(patch // 2, 1)), max(size - patch, 0)})
