"""Choosing a checkpoint of the generator by numbers: validation masks are painted and read.

A painter is judged by the distance of its images from the real ones of the same masks (KID) and by whether a network that
outlines real hearts finds in them what the masks asked for (Dice). It must hold its labels first; among those that do, the
one nearest to real images paints.
"""

import zlib

import numpy as np

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.frames import samples, to_network
from cardiosynth.data.volumes import LV
from cardiosynth.networks.unet import SegmentationNetwork, dice, features, segment
from cardiosynth.painting.painter import Painter, Studio
from cardiosynth.painting.realism import kid

HOLDS = 0.95  # least share of the LV Dice of real images that a painter's must reach


class Judge:
    """Real validation slices, and what the network reads of them. network: trained on real training subjects."""

    def __init__(self, cohort: Cohort, network: SegmentationNetwork, seed: int, device="cpu"):
        self.images, self.masks, owners = samples(cohort, 2)
        self.names = cohort.table.index[owners].astype(str)
        self.network, self.seed, self.device = network, seed, device
        self.real = pooled(network, self._frames(self.images), device)
        self.real_dice = self._dice(self.images)

    def __call__(self, painter: Painter) -> dict[str, float]:
        """Scores of the painter: kid, its standard error kid_se, and lv_dice."""
        studio = Studio(painter, self.seed, self.device)
        painted = np.concatenate([studio.paint(name, self.masks[self.names == name]) for name in dict.fromkeys(self.names)])
        value, error = kid(self.real, pooled(self.network, self._frames(painted), self.device))
        return {"kid": value, "kid_se": error, "lv_dice": self._dice(painted)}

    def checksum(self) -> list:
        """What the judgement depends on, for telling states of other trainings apart."""
        return [zlib.crc32(self.images.tobytes()), zlib.crc32(self.masks.tobytes()), float(self.real.sum()), self.seed]

    def _dice(self, images) -> float:
        return dice(segment(self.network, self._frames(images), device=self.device), self._frames(self.masks), LV)

    @staticmethod
    def _frames(stacks):
        return stacks.reshape(-1, *stacks.shape[2:])


def better(scores: dict, before: list[dict], real_dice: float) -> bool:
    """Whether a checkpoint is the best so far: labels that hold, then the least KID; while none holds, the highest Dice."""

    def rank(row):
        holds = row["lv_dice"] >= HOLDS * real_dice
        return holds, -row["kid"] if holds else row["lv_dice"]

    return all(rank(scores) > rank(row) for row in before)


def pooled(network: SegmentationNetwork, frames: np.ndarray, device="cpu", batch: int = 64) -> np.ndarray:
    """What the encoder sees of each frame, (N, D): the means of its five feature maps, shallow to deep, side by side."""
    maps = features(network)
    batches = []
    for first in range(0, len(frames), batch):
        levels = maps(to_network(frames[first : first + batch], device))
        batches.append(np.concatenate([level.mean(dim=(2, 3)).cpu().numpy() for level in levels], axis=1))
    return np.concatenate(batches).astype(np.float64)
