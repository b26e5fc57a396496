"""What trains the SPADE generator: the discriminator at two scales, the losses, and what limits overfitting to few data.

Park et al., CVPR 2019 (section 3, appendix A), and Wang et al., CVPR 2018, for the discriminator. N images, C image channels,
K labels, H x W pixels.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from cardiosynth.data.volumes import LABELS
from cardiosynth.networks.spade import initialise
from cardiosynth.study.sections import GeneratorSettings

PERCEPTUAL_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # shallow to deep (appendix A)
SHIFT = 8  # augmentation moves by at most this part of the side


class PatchDiscriminator(nn.Module):
    """Is each patch of a painted mask real? Four 4x4 convs and one to a map of scores (appendix A).

    forward returns the features after every layer, shallow to deep; the last are the scores (N, 1, h, w).
    """

    def __init__(self, inputs: int, base: int):
        super().__init__()
        widths, strides = [base, 2 * base, 4 * base, 8 * base], [2, 2, 2, 1]
        layers = [nn.Sequential(nn.Conv2d(inputs, base, 4, stride=2, padding=2), nn.LeakyReLU(0.2))]
        for narrow, wide, stride in zip(widths, widths[1:], strides[1:]):
            conv = spectral_norm(nn.Conv2d(narrow, wide, 4, stride=stride, padding=2, bias=False))
            layers.append(nn.Sequential(conv, nn.InstanceNorm2d(wide), nn.LeakyReLU(0.2)))
        layers.append(nn.Conv2d(widths[-1], 1, 4, padding=2))
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return features


class Discriminator(nn.Module):
    """Two patch discriminators, the second on inputs of half the size, where a patch covers more anatomy.

    forward: label planes (N, K, H, W) and images (N, C, H, W) to a list of features for each scale.
    """

    def __init__(self, settings: GeneratorSettings):
        super().__init__()
        inputs = settings.phases * (len(LABELS) + 1)
        self.scales = nn.ModuleList(PatchDiscriminator(inputs, settings.discriminator_channels) for _ in range(2))
        initialise(self)

    def forward(self, planes: Tensor, images: Tensor) -> list[list[Tensor]]:
        x = torch.cat([planes, images], dim=1)
        half = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
        return [scale(size) for scale, size in zip(self.scales, (x, half))]


def hinge_discriminator(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Mean over scales of mean(max(0, 1 - real)) + mean(max(0, 1 + fake)) for maps of scores."""
    losses = [F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(real, fake)]
    return torch.stack(losses).mean()


def hinge_generator(fake: list[Tensor]) -> Tensor:
    """Mean over scales of -mean(fake)."""
    return -torch.stack([scores.mean() for scores in fake]).mean()


def feature_matching(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """L1 between the discriminator's features of real and painted images, the scores left out.

    Summed over layers, mean over scales (Wang et al., CVPR 2018, Eq. 4, each layer by its mean).
    """
    losses = [F.l1_loss(f, r.detach()) for rs, fs in zip(real, fake) for r, f in zip(rs[:-1], fs[:-1])]
    return torch.stack(losses).sum() / len(real)


def perceptual(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """L1 between features of a pretrained network, shallow to deep, deeper ones weighing more (appendix A)."""
    weights = PERCEPTUAL_WEIGHTS[-len(real) :]
    return torch.stack([w * F.l1_loss(f, r.detach()) for w, r, f in zip(weights, real, fake)]).sum()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of styles (N, Z) from the standard normal distribution, summed over Z, mean over N."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1).mean()


class LeCam(nn.Module):
    """Keeps scores near the running means of the other kind, so that the discriminator overfits less to few images.

    Tseng et al., CVPR 2021, Eq. 5, hinge form. forward: scores of real and painted images (lists over scales) to a loss.
    """

    def __init__(self, decay: float = 0.99):
        super().__init__()
        self.decay = decay
        self.register_buffer("anchors", torch.zeros(2))  # of real, of painted

    def forward(self, real: list[Tensor], fake: list[Tensor]) -> Tensor:
        means = torch.stack([torch.stack([scores.mean() for scores in kind]).mean() for kind in (real, fake)])
        self.anchors.lerp_(means.detach(), 1 - self.decay)
        losses = [F.relu(r - self.anchors[1]).square().mean() + F.relu(self.anchors[0] - f).square().mean() for r, f in zip(real, fake)]
        return torch.stack(losses).mean()


def augment_seen(planes: Tensor, images: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """What the discriminator sees, moved and with other contrast, so that it cannot memorise the few real images.

    Zhao et al., NeurIPS 2020: gradients flow through. Labels and images of N move together; the N images then get a
    contrast and brightness of their own. Called with the same draws for real and painted images.
    """
    height, width = images.shape[-2:]
    moved = []
    for plane, image in zip(planes, images):
        down, right = rng.integers(-height // SHIFT, height // SHIFT + 1), rng.integers(-width // SHIFT, width // SHIFT + 1)
        both = torch.cat([plane, image])
        both = F.pad(both[None], (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)))[0]
        moved.append(both[..., max(-down, 0) :, max(-right, 0) :][..., :height, :width])
    planes, images = torch.stack(moved).split([planes.shape[1], images.shape[1]], dim=1)
    gain, offset = (
        torch.as_tensor(rng.uniform(*span, (len(images), 1, 1, 1)), dtype=images.dtype, device=images.device) for span in ((0.7, 1.3), (-0.3, 0.3))
    )
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return planes, (images - mean) * gain + mean + offset
