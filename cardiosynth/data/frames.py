"""Single frames with their masks, as the networks that work on one image at a time take them."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from cardiosynth.data.cohort import Cohort
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import whole


def samples(cohort: Cohort, phases: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All slices of a cohort as a network sees them at once, subjects in order.

    Images and masks, each (N, phases, H, W) of uint8: N slices with both frames (phases 2), or N frames (phases 1).
    Third the number of the subject of each (N,). Raises InputError without subjects or masks.
    """
    if len(cohort) == 0:
        raise InputError(f"{cohort.folder}: no subject in this split; give the study a larger cohort")
    rows = np.concatenate([np.r_[cohort.rows(subject)] for subject in cohort.table.index])
    images, masks = cohort.images()[rows], cohort.masks()[rows]
    owners = np.repeat(np.arange(len(cohort)), cohort.table["slices"].to_numpy() * 2 // phases)
    return *(array.reshape(-1, phases, *array.shape[2:]) for array in (images, masks)), owners


def frames(cohort: Cohort) -> tuple[np.ndarray, np.ndarray]:
    """All ED and ES frames of a cohort and their masks, each (N, H, W) of uint8, subjects in order."""
    images, masks, _ = samples(cohort, 1)
    return images[:, 0], masks[:, 0]


def augment(images: np.ndarray, masks: np.ndarray, rng: np.random.Generator, turn: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Shift each image (N, ..., H, W) and its mask alike, by at most 1/16 of the side.

    With ``turn`` each is also flipped and transposed, by chance.
    Pixels that a shift uncovers take the nearest ones in the image and background in the mask.
    Images that are not square are never transposed.
    """
    pairs = [_augment_one(image, mask, rng, turn) for image, mask in zip(images, masks)]
    return np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs])


def _augment_one(image, mask, rng, turn):
    height, width = image.shape[-2:]
    reach = min(height, width) // 16
    down, right = rng.integers(-reach, reach + 1, size=2) + reach
    margin = [(0, 0)] * (image.ndim - 2) + [(reach, reach)] * 2
    image = np.pad(image, margin, mode="edge")[..., down : down + height, right : right + width]
    mask = np.pad(mask, margin)[..., down : down + height, right : right + width]
    if turn:
        flip_rows, flip_columns, transpose = rng.random(3) < 0.5
        order = (..., slice(None, None, -1 if flip_rows else 1), slice(None, None, -1 if flip_columns else 1))
        image, mask = image[order], mask[order]
        if transpose and height == width:
            image, mask = image.swapaxes(-1, -2), mask.swapaxes(-1, -2)
    return image, mask


def to_network(images: np.ndarray, device) -> Tensor:
    """Images (N, H, W) or (N, C, H, W) of uint8 as the networks take them, (N, C, H, W) in [-1, 1]; C is 1 where not given."""
    scaled = torch.from_numpy(np.array(images)).to(device).float() / 127.5 - 1
    scaled = scaled.reshape(len(scaled), -1, *scaled.shape[-2:])
    return scaled.contiguous(memory_format=torch.channels_last)


def write_log(folder: Path, log: list[dict], index: str, name: str = "training") -> None:
    """<name>.csv, the columns in one order whether or not the log went through a saved state."""
    with whole(folder / f"{name}.csv") as partial:
        pd.DataFrame(log).set_index(index).sort_index(axis="columns").to_csv(partial)
