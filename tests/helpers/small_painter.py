"""A painter with drawn weights."""

import torch

from cardiosynth.painting import painter
from cardiosynth.study.sections import GeneratorSettings

TINY = GeneratorSettings(base_channels=1, shared_channels=4, discriminator_channels=2, style_channels=3)


def painter_of(settings, seed=0):
    """A painter whose weights are large enough to paint something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        untrained = painter.Painter(settings, 4)
        for parameter in untrained.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        if settings.style == "latent":
            untrained.styles.normal_()
    return untrained.eval().requires_grad_(False)
