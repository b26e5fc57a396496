"""A small SPADE generator with drawn weights, and masks to paint."""

import pytest
import torch

from cardiosynth.study.sections import GeneratorSettings

TINY = GeneratorSettings(frames="single", base_channels=1, shared_channels=3, discriminator_channels=2)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def some_masks(count, size, seed=0):
    return torch.randint(0, 4, (count, size, size), generator=torch.Generator().manual_seed(seed))
