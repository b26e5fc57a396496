"""SPADE: the network that paints an image into a label mask, its adversary and its losses.

Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, CVPR 2019, the
deterministic path: the mask alone, no style vector. Read it beside section 3 and appendix A there.
N images, K labels, C image channels (1: one frame; 2: both frames of a slice), H x W pixels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from cardiosynth.study import Generator as Settings
from cardiosynth.volumes import LABELS

UPSAMPLINGS = 5
WIDTHS = (16, 16, 16, 8, 4, 2, 1)  # of the blocks, in multiples of base_channels: head, middle x 2, then halving
UPSAMPLED = (False, True, False, True, True, True, True)  # is a block's input upsampled first?
PERCEPTUAL_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # shallow to deep (appendix A)


def one_hot(masks: Tensor, labels: int = len(LABELS)) -> Tensor:
    """Label planes (N, K, H, W) of float from integer masks (N, H, W), or (N, C·K, H, W) from (N, C, H, W)."""
    masks = masks.reshape(len(masks), -1, *masks.shape[-2:])  # (N, C, H, W)
    planes = F.one_hot(masks.long(), labels).movedim(-1, 2)  # (N, C, K, H, W)
    return planes.flatten(1, 2).float().contiguous(memory_format=torch.channels_last)


class Spade(nn.Module):
    """Spatially-adaptive normalisation, normed · (1 + γ) + β with γ, β painted from the labels (Eq. 1)."""

    def __init__(self, channels: int, label_planes: int, shared_channels: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.shared = nn.Conv2d(label_planes, shared_channels, 3, padding=1)
        # γ and β have a conv each; one conv with the outputs of both is the same sum in less time
        self.gamma_beta = nn.Conv2d(shared_channels, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor, planes: Tensor) -> Tensor:
        planes = F.interpolate(planes, x.shape[-2:], mode="nearest")
        shared = F.relu(self.shared(planes), inplace=True)  # (N, shared, h, w)
        gamma, beta = self.gamma_beta(shared).chunk(2, dim=1)
        return self.norm(x) * (1 + gamma) + beta  # (N, channels, h, w)


class SpadeBlock(nn.Module):
    """Residual block of two SPADE, LeakyReLU, 3x3 conv; the shortcut is learned where the width changes."""

    def __init__(self, inputs: int, outputs: int, label_planes: int, shared_channels: int):
        super().__init__()
        middle = min(inputs, outputs)
        self.spade_0 = Spade(inputs, label_planes, shared_channels)
        self.conv_0 = spectral_norm(nn.Conv2d(inputs, middle, 3, padding=1))
        self.spade_1 = Spade(middle, label_planes, shared_channels)
        self.conv_1 = spectral_norm(nn.Conv2d(middle, outputs, 3, padding=1))
        self.spade_s, self.conv_s = None, None
        if inputs != outputs:
            self.spade_s = Spade(inputs, label_planes, shared_channels)
            self.conv_s = spectral_norm(nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor, planes: Tensor) -> Tensor:
        shortcut = x if self.conv_s is None else self.conv_s(self.spade_s(x, planes))
        x = self.conv_0(F.leaky_relu(self.spade_0(x, planes), 0.2))
        x = self.conv_1(F.leaky_relu(self.spade_1(x, planes), 0.2))
        return shortcut + x


class SpadeGenerator(nn.Module):
    """Mask to image. Every block sees the mask anew, so that labels survive normalisation to the last layer.

    forward: label planes (N, K, H, W) to images (N, C, H, W) in [-1, 1]. Any H and W: the mask is padded
    with background to a multiple of 32 and the image cropped back (150 to 160; 64 needs none).
    """

    def __init__(self, settings: Settings, image_channels: int = 1):
        super().__init__()
        planes, base = image_channels * len(LABELS), settings.base_channels
        widths = [base * width for width in WIDTHS]
        self.first = nn.Conv2d(planes, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(
            SpadeBlock(inputs, outputs, planes, settings.shared_channels)
            for inputs, outputs in zip([widths[0], *widths], widths)
        )
        self.last = nn.Conv2d(widths[-1], image_channels, 3, padding=1)
        _initialise(self)

    def forward(self, planes: Tensor) -> Tensor:
        height, width = planes.shape[-2:]
        planes = pad_to_multiple(planes)
        x = F.interpolate(planes, [side // 2**UPSAMPLINGS for side in planes.shape[-2:]], mode="nearest")
        x = self.first(x)  # (N, 16 base, H/32, W/32)
        for block, upsampled in zip(self.blocks, UPSAMPLED):
            if upsampled:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(x, planes)
        image = torch.tanh(self.last(F.leaky_relu(x, 0.2)))  # (N, C, H, W), padded
        top, left = _margin(height), _margin(width)
        return image[..., top : top + height, left : left + width]


def _margin(side: int) -> int:
    """Padding before an axis; what is left of the multiple goes behind it."""
    return -side % 2**UPSAMPLINGS // 2


def pad_to_multiple(planes: Tensor) -> Tensor:
    """Pad label planes with background, evenly, to the next multiple of 32 in height and width."""
    height, width = planes.shape[-2:]
    top, left = _margin(height), _margin(width)
    bottom, right = -height % 2**UPSAMPLINGS - top, -width % 2**UPSAMPLINGS - left
    padded = F.pad(planes, (left, right, top, bottom))
    background = padded[:, :: len(LABELS)]  # plane 0 of each frame
    background[..., :top, :] = 1
    background[..., top + height :, :] = 1
    background[..., :left] = 1
    background[..., left + width :] = 1
    return padded


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

    def __init__(self, settings: Settings, image_channels: int = 1):
        super().__init__()
        inputs = image_channels * (len(LABELS) + 1)
        self.scales = nn.ModuleList(PatchDiscriminator(inputs, settings.discriminator_channels) for _ in range(2))
        _initialise(self)

    def forward(self, planes: Tensor, images: Tensor) -> list[list[Tensor]]:
        x = torch.cat([planes, images], dim=1)
        half = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
        return [scale(size) for scale, size in zip(self.scales, (x, half))]


def _initialise(network: nn.Module) -> None:
    """Glorot weights with gain 0.02 and zero biases, as GauGAN starts; γ and β start near zero."""
    for name, parameter in network.named_parameters():
        if parameter.dim() == 4:
            nn.init.xavier_normal_(parameter, gain=0.02)
        else:
            nn.init.zeros_(parameter)


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
