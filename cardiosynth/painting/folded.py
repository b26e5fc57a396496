"""The trained generator in the form that paints fastest: the same images from far less arithmetic.

γ and β of a pixel depend on the labels in the 5 x 5 pixels around it, through two 3x3 convs, and masks of hearts hold few
different neighbourhoods. So each that occurs in a batch is convolved once, to a row of a table, and pixels look their row up.
Where all is background, most of a mask, the row is the same: there a block modulates before it upsamples, a quarter of the
work. Normalisation and spectral norm are folded into the weights.
N images, C frames, K labels, H x W pixels. Channels come last here, so that a pixel is a row.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cardiosynth.data.volumes import LABELS
from cardiosynth.networks.spade import UPSAMPLED, UPSAMPLINGS, Spade, SpadeBlock, SpadeGenerator, crop, pad_to_multiple

OUTSIDE, BACKGROUND = 0, 1  # rows for what is beyond the image's edge, and for background with background all around
PLACES = 9  # of a 3 x 3 neighbourhood, by rows


@torch.no_grad()
def fold(generator: SpadeGenerator, compiled: bool = False) -> "FoldedGenerator":
    """What paints as ``generator`` does in evaluation mode, as it is now, on its device; the generator stays as it is.

    compiled: the blocks by torch.compile, a minute or two at first use; meant for a GPU, no faster on a CPU. ``.half()`` of
    what is returned paints in half precision, also meant for a GPU.
    """
    folded = FoldedGenerator(copy.deepcopy(generator).eval()).requires_grad_(False)
    if compiled:
        for block in folded.blocks:
            block.compile(dynamic=True, isolate_recompiles=True)
    return folded.eval()


class FoldedGenerator(nn.Module):
    """forward: one-hot label planes (N, C·K, H, W) and styles to images (N, C, H, W) of float, as of SpadeGenerator.

    Raises ValueError where the planes are not one-hot.
    """

    start = SpadeGenerator.start  # with self.first, as there

    def __init__(self, generator: SpadeGenerator):
        super().__init__()
        self.codes = 1 + len(LABELS) ** generator.last.out_channels  # of ``encode``, with OUTSIDE
        self.first = generator.first
        self.blocks = nn.ModuleList(FoldedBlock(block, up) for block, up in zip(generator.blocks, UPSAMPLED))
        self.last = FoldedConv(generator.last)

    @torch.no_grad()
    def forward(self, planes: Tensor, style: Tensor | None = None) -> Tensor:
        height, width = planes.shape[-2:]
        planes, dtype = pad_to_multiple(planes), self.last.weight.dtype
        codes = encode(planes)
        x = self.start(planes.to(dtype), None if style is None else style.to(dtype)).movedim(1, 3).contiguous()
        stride = 2**UPSAMPLINGS  # one pixel in ``stride``: the nearest pixel of a smaller mask
        around = Neighbourhoods.of(codes[:, ::stride, ::stride], self.codes)
        for block in self.blocks:
            if block.upsampled:
                stride //= 2
                around = Neighbourhoods.of(codes[:, ::stride, ::stride], self.codes)
            x = block(x, around)
        images = torch.tanh(self.last(leaky_relu(x))).movedim(3, 1)
        return crop(images, height, width).float()


class FoldedBlock(nn.Module):
    """A SPADE block and the upsampling before it, if any: (N, h, w, inputs) to (N, h, w, outputs)."""

    def __init__(self, block: SpadeBlock, upsampled: bool):
        super().__init__()
        self.upsampled = upsampled
        self.spade_0, self.conv_0 = FoldedSpade(block.spade_0), FoldedConv(block.conv_0)
        self.spade_1, self.conv_1 = FoldedSpade(block.spade_1), FoldedConv(block.conv_1)
        self.spade_s = None
        if block.spade_s is not None:
            self.spade_s = FoldedSpade(block.spade_s)
            self.register_buffer("weight_s", block.conv_s.weight.clone())

    def forward(self, x: Tensor, around: "Neighbourhoods") -> Tensor:
        others = rows(x, around.above if self.upsampled else around.where)
        main = self.conv_0(self.join(*map(leaky_relu, self.spade_0(x, others, around)), around))
        background, others_1 = map(leaky_relu, self.spade_1(main, rows(main, around.where), around, out=main))
        main = self.conv_1(put(background, others_1, around))
        if self.spade_s is None:
            return main.add_(upsample(x) if self.upsampled else x)
        return main.add_(self.join(*(product(part, self.weight_s) for part in self.spade_s(x, others, around)), around))

    def join(self, background: Tensor, others: Tensor, around: "Neighbourhoods") -> Tensor:
        """The background at the size of the block, with the other pixels in their places."""
        return put(upsample(background) if self.upsampled else background, others, around)


class FoldedSpade(nn.Module):
    """x · scale + shift, both (B, channels) tables over the neighbourhoods.

    forward: all of x (N, h, w, channels) as if it were background, into ``out`` if given, and the other pixels (P, channels).
    """

    def __init__(self, spade: Spade):
        super().__init__()
        # (x - mean) rate (1 + γ) + β, where γ and β are linear in the shared features
        rate, mean = (spade.norm.running_var + spade.norm.eps).rsqrt(), spade.norm.running_mean
        gamma, beta = by_places(spade.gamma_beta.weight).chunk(2, dim=2)
        gamma_bias, beta_bias = spade.gamma_beta.bias.chunk(2)
        scale, scale_bias = gamma * rate, (1 + gamma_bias) * rate
        self.register_buffer("weight", torch.cat([scale, beta - scale * mean], dim=2).flatten(1).T[..., None, None].contiguous())
        self.register_buffer("bias", torch.cat([scale_bias, beta_bias - scale_bias * mean]))
        shared = code_planes(spade.shared.in_channels).to(self.weight) @ by_places(spade.shared.weight).flatten(1)
        self.register_buffer("shared", shared.unflatten(1, (PLACES, -1)).flatten(0, 1))
        self.register_buffer("shared_bias", spade.shared.bias.clone())

    def forward(self, x: Tensor, others: Tensor, around: "Neighbourhoods", out: Tensor | None = None) -> tuple[Tensor, Tensor]:
        shared = F.relu_(sum_over(around.three, self.shared).add_(self.shared_bias))
        shared[OUTSIDE] = 0  # as a conv pads
        both = sum_over(around.five, product(shared, self.weight).view(-1, len(self.bias))).add_(self.bias)
        scale, shift = (table.contiguous() for table in both.chunk(2, dim=1))
        others = F.embedding(around.row, shift).addcmul_(others, F.embedding(around.row, scale))
        return torch.addcmul(shift[BACKGROUND], x, scale[BACKGROUND], out=out), others


class FoldedConv(nn.Module):
    """A 3x3 conv with plain weights: (N, h, w, inputs) to (N, h, w, outputs)."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.register_buffer("weight", conv.weight.clone(memory_format=torch.channels_last))
        self.register_buffer("bias", conv.bias.clone())

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x.movedim(3, 1), self.weight, self.bias, padding=1).movedim(1, 3).contiguous()


# ---------------------------------------------------------------- neighbourhoods


@dataclass(frozen=True)
class Neighbourhoods:
    """The different neighbourhoods in a batch of masks at one size.

    three (A, 9): 3 x 3 codes each. five (B, 9): 3 x 3 rows of ``three`` each, hence 5 x 5 codes. The rows OUTSIDE and
    BACKGROUND always exist. where (P,): the pixels (of N·h·w) that are not BACKGROUND in ``five``; row (P,): what they are
    there; above (P,): the pixels that they lie in at half the height and width.
    """

    three: Tensor
    five: Tensor
    where: Tensor
    row: Tensor
    above: Tensor

    @classmethod
    def of(cls, codes: Tensor, count: int) -> "Neighbourhoods":
        """codes: (N, h, w) as of ``encode``, below count."""
        where, row, three = _neighbours(codes, count)
        where, row, five = _neighbours(_filled(codes, where, row), len(three))
        width = codes.shape[2]
        above = (where // width >> 1) * (width // 2) + (where % width >> 1)  # heights are even wherever this is used
        return cls(three, five, where, row, above)


def _neighbours(numbers: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Number the different 3 x 3 neighbourhoods in (N, h, w), below count: as ``_triples`` does, nine to a row of the table."""
    where, row, columns = _triples(F.pad(numbers, (0, 0, 1, 1), value=OUTSIDE), count, axis=1)
    columns_here = F.pad(_filled(numbers, where, row), (1, 1), value=OUTSIDE)
    where, row, table = _triples(columns_here, len(columns), axis=2)
    return where, row, columns[table].transpose(1, 2).flatten(1)


def _triples(numbers: Tensor, count: int, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """Number the different triples along a padded axis: where not all is background, their number there, all by number (A, 3)."""
    before, here, after = numbers.unfold(axis, 3, 1).unbind(-1)
    keys = ((before * count + here) * count + after).flatten()  # counts stay below 2^21
    where = (keys != (BACKGROUND * count + BACKGROUND) * count + BACKGROUND).nonzero().squeeze(1)
    different, row = keys.index_select(0, where).unique(return_inverse=True)
    triples = torch.stack([different // count**2, different // count % count, different % count], dim=1)
    return where, row + 2, torch.cat([triples.new_tensor([[OUTSIDE] * 3, [BACKGROUND] * 3]), triples])


def _filled(like: Tensor, where: Tensor, row: Tensor) -> Tensor:
    """Rows where they are, BACKGROUND elsewhere."""
    return torch.full_like(like, BACKGROUND, memory_format=torch.contiguous_format).put_(where, row)


def encode(planes: Tensor) -> Tensor:
    """One integer a pixel (N, H, W) for the labels of its frames in one-hot planes (N, C·K, H, W): BACKGROUND, or more."""
    frames = planes.unflatten(1, (-1, len(LABELS)))
    most, labels = frames.max(dim=2)
    if not ((most == 1) & (frames.abs().sum(dim=2) == 1)).all():
        raise ValueError("label planes must be one-hot: one label of each frame at every pixel")
    codes = torch.zeros_like(labels[:, 0])
    for frame in labels.unbind(1):
        codes = codes * len(LABELS) + frame
    return codes + BACKGROUND


def code_planes(channels: int) -> Tensor:
    """The planes (1 + K^C, C·K) of each code, none set for OUTSIDE."""
    labels = torch.cartesian_prod(*[torch.arange(len(LABELS))] * (channels // len(LABELS)))
    planes = F.one_hot(labels, len(LABELS)).float().view(-1, channels)
    return torch.cat([torch.zeros(1, channels), planes])


def by_places(weight: Tensor) -> Tensor:
    """The weight (O, I, 3, 3) of a conv as (I, 9, O)."""
    return weight.permute(1, 2, 3, 0).flatten(1, 2)


def sum_over(table: Tensor, parts: Tensor) -> Tensor:
    """A conv where it matters, (B, O): parts (A·9, O) are what each of A adds from each place, table (B, 9) who is there."""
    return F.embedding_bag(table * PLACES + torch.arange(PLACES, device=table.device), parts, mode="sum")


# ---------------------------------------------------------------- pixels as rows


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x (..., I) by a weight (O, I, 1, 1) to (..., O), on CPUs that are not Intel's in half the time of a matmul.

    Dilation changes nothing in a 1x1 conv, except that torch then leaves it to oneDNN whatever the number of threads.
    """
    if not x.is_cpu:
        return F.linear(x, weight.flatten(1))
    pixels = x.reshape(1, -1, 1, x.shape[-1]).movedim(3, 1)
    return F.conv2d(pixels, weight, dilation=2).movedim(1, 3).reshape(*x.shape[:-1], -1)


def rows(x: Tensor, where: Tensor) -> Tensor:
    """Pixels (P, channels) of (N, h, w, channels)."""
    return F.embedding(where, x.flatten(0, 2))


def put(x: Tensor, others: Tensor, around: Neighbourhoods) -> Tensor:
    """x (N, h, w, channels), changed: with the other pixels in their places."""
    x.view(-1, x.shape[-1]).index_copy_(0, around.where, others)
    return x


def upsample(x: Tensor) -> Tensor:
    """Nearest, to (N, 2 h, 2 w, channels)."""
    return F.interpolate(x.movedim(3, 1), scale_factor=2, mode="nearest").movedim(1, 3).contiguous()


def leaky_relu(x: Tensor) -> Tensor:
    """In place, with the slope of SPADE."""
    return F.leaky_relu_(x, 0.2)
