"""Zooms that change volumes with their labels: the geometry of synthesis as augmentation, without a generator.

Each frame of a heart is enlarged or shrunk in its plane by a factor of its own, and its volume follows the area. What
surrounds the heart is zoomed too, which no scan does: this is the cheapest way to the hearts that the paper's scaling
makes, and asks what the generator adds to it.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

TRIES = 20  # after which a heart stays as it is


def draw(volumes: np.ndarray, scale: tuple[float, float], ef: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Factors of the areas (n, 2) for hearts of volumes (n, 2), EDV and ESV in any unit.

    Their logarithms are uniform up to that of ``scale`` at ED and ES or of its inverse, drawn again until the EF lies within ``ef``
    (percent).
    """
    factors = np.ones(volumes.shape)
    reach = np.log([scale[0], 1 / scale[1]])
    for heart, volume in zip(factors, volumes):
        for drawn in np.exp(rng.uniform(-1, 1, (TRIES, 2)) * reach):
            edv, esv = volume * drawn
            if ef[0] <= 100 * (edv - esv) / edv <= ef[1]:
                heart[:] = drawn
                break
    return factors


def zoom(images: Tensor, slices: Tensor, factors: np.ndarray) -> Tensor:
    """Zoom the frames of whole hearts about the image's middle so that areas grow by the factors.

    images: (sum of slices, 2, H, W); slices: (n,) of each heart; factors: (n, 2). Beyond its edge an image is mirrored,
    so that no dark frame tells the factor.
    """
    lengths = torch.as_tensor(factors, dtype=images.dtype, device=images.device).sqrt()
    lengths = lengths.repeat_interleave(slices.to(images.device), dim=0).flatten()  # (sum of slices * 2,)
    maps = torch.zeros(len(lengths), 2, 3, dtype=images.dtype, device=images.device)
    maps[:, 0, 0] = maps[:, 1, 1] = 1 / lengths
    single = images.reshape(-1, 1, *images.shape[-2:])
    grid = functional.affine_grid(maps, single.shape, align_corners=False)
    return functional.grid_sample(single, grid, padding_mode="reflection", align_corners=False).reshape(images.shape)
