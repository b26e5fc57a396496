"""SPADE: the network that paints an image into a label mask, with or without a style vector.

Park et al., Semantic Image Synthesis with Spatially-Adaptive Normalization, CVPR 2019; read it beside
sections 3 and 4.1 and appendix A there. Its adversary and losses are in ``adversary``.
N images, K labels, C image channels (1: one frame; 2: both frames of a slice), H x W pixels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from cardiosynth.data.volumes import LABELS
from cardiosynth.study.sections import GeneratorSettings

UPSAMPLINGS = 5
WIDTHS = (16, 16, 16, 8, 4, 2, 1)  # of the blocks, in multiples of base_channels: head, middle x 2, then halving
UPSAMPLED = (False, True, False, True, True, True, True)  # is a block's input upsampled first?
STYLE_SIDE = 4  # of the map that a style is spread over before it takes the place of the smallest mask


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

    forward: label planes (N, C·K, H, W) and, where the settings have a style, styles (N, style_channels), to images
    (N, C, H, W) in [-1, 1]. Any H and W: the mask is padded with background to a multiple of 32 and the image
    cropped back (150 to 160; 64 needs none).
    """

    def __init__(self, settings: GeneratorSettings):
        super().__init__()
        planes, base = settings.phases * len(LABELS), settings.base_channels
        widths = [base * width for width in WIDTHS]
        if settings.style == "latent":
            self.first = nn.Linear(settings.style_channels, widths[0] * STYLE_SIDE**2)
        else:
            self.first = nn.Conv2d(planes, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(
            SpadeBlock(inputs, outputs, planes, settings.shared_channels) for inputs, outputs in zip([widths[0], *widths], widths)
        )
        self.last = nn.Conv2d(widths[-1], settings.phases, 3, padding=1)
        initialise(self)

    def forward(self, planes: Tensor, style: Tensor | None = None) -> Tensor:
        height, width = planes.shape[-2:]
        planes = pad_to_multiple(planes)
        x = self.start(planes, style)
        for block, upsampled in zip(self.blocks, UPSAMPLED):
            if upsampled:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(x, planes)
        return crop(torch.tanh(self.last(F.leaky_relu(x, 0.2))), height, width)

    def start(self, planes: Tensor, style: Tensor | None) -> Tensor:
        """What the blocks begin with, (N, 16 base, H/32, W/32): the small mask, or the style in its place (4.1 there)."""
        sides = [side // 2**UPSAMPLINGS for side in planes.shape[-2:]]
        if style is None:
            return self.first(F.interpolate(planes, sides, mode="nearest"))
        x = self.first(style).unflatten(1, (-1, STYLE_SIDE, STYLE_SIDE))
        return F.interpolate(x, sides, mode="bilinear").contiguous(memory_format=torch.channels_last)


class StyleEncoder(nn.Module):
    """Image to the mean and the log variance of its style (section 4.1 there): strided convs, two linear layers.

    forward: images (N, C, H, W) in [-1, 1] to two tensors (N, style_channels).
    """

    def __init__(self, settings: GeneratorSettings):
        super().__init__()
        widths = [settings.phases, *(settings.base_channels * width for width in (1, 2, 4, 8))]
        layers = []
        for inputs, outputs in zip(widths, widths[1:]):
            conv = spectral_norm(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1))
            layers += [conv, nn.InstanceNorm2d(outputs), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(STYLE_SIDE), nn.Flatten())
        self.mean = nn.Linear(widths[-1] * STYLE_SIDE**2, settings.style_channels)
        self.log_variance = nn.Linear(widths[-1] * STYLE_SIDE**2, settings.style_channels)
        initialise(self)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.layers(images)
        return self.mean(x), self.log_variance(x)


def sample(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """A style drawn from its distribution with standard normal noise of the same shape."""
    return mean + (0.5 * log_variance).exp() * noise


def crop(images: Tensor, height: int, width: int) -> Tensor:
    """What ``pad_to_multiple`` added taken away again."""
    top, left = _margin(height), _margin(width)
    return images[..., top : top + height, left : left + width]


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


def initialise(network: nn.Module) -> None:
    """Glorot weights with gain 0.02 and zero biases, as GauGAN starts; γ and β start near zero."""
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_normal_(parameter, gain=0.02)
        else:
            nn.init.zeros_(parameter)
