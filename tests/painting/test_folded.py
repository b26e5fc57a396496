"""The folded generator paints what the generator paints."""

import copy
import pickle

import pytest
import torch
from torch.nn import functional as F
from torch.nn.utils.parametrize import is_parametrized

from cardiosynth.networks.spade import SpadeGenerator, one_hot
from cardiosynth.painting.folded import BACKGROUND, Neighbourhoods, by_places, code_planes, encode, fold, sum_over
from cardiosynth.study.sections import GeneratorSettings

FRAMES = ("single", "joint")


def trained(frames="joint", style="none", size=64):
    """A generator whose weights, biases and statistics are all far from where they start."""
    settings = GeneratorSettings(base_channels=2, shared_channels=6, frames=frames, style=style, style_channels=3)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        generator = SpadeGenerator(settings)
        for parameter in generator.parameters():
            if parameter.dim() > 1:
                torch.nn.init.xavier_normal_(parameter)
            else:
                parameter.normal_(std=0.3)
        planes = batch(settings.phases, size)
        for _ in range(3):
            generator.train()(planes, styles(generator, len(planes)))
    return generator.eval()


def styles(generator, count):
    """Different styles, or None where the generator has none."""
    first = generator.first
    return torch.linspace(-2, 2, 3 * count).view(count, 3) if isinstance(first, torch.nn.Linear) else None


def heart(height, width, row, column, radius):
    """Blood in a ring of muscle, a right ventricle to its left."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    distance = ((y - row) ** 2 + (x - column) ** 2).sqrt()
    beside = ((y - row) ** 2 + (x - column + radius) ** 2).sqrt() < radius
    return torch.where(distance < radius / 2, 3, torch.where(distance < radius, 2, beside.long()))


def batch(frames, height, width=None):
    """Planes of masks: empty, in the middle, small, over a corner and both edges, filling the frame, and noise."""
    width = width or height
    noise = torch.randint(4, (height, width), generator=torch.Generator().manual_seed(1))
    masks = [torch.zeros(height, width, dtype=torch.long), heart(height, width, height / 2, width / 2, height / 5)]
    masks += [heart(height, width, height / 3, width / 2, 2), heart(height, width, 2, width - 3, height / 4)]
    masks += [heart(height, width, height - 2, 1, height / 3), torch.full((height, width), 2), noise]
    masks = torch.stack(masks)
    return one_hot(masks if frames == 1 else torch.stack([masks, masks.roll(3, 2)], dim=1))


@pytest.fixture(scope="module", params=FRAMES)
def generator(request):
    return trained(request.param)


@pytest.fixture(scope="module")
def folded(generator):
    return fold(generator)


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (150, 150), (40, 96)], ids=str)
@torch.no_grad()
def test_it_paints_what_the_generator_paints(generator, folded, size):
    planes = batch(generator.last.out_channels, *size)
    wanted = generator(planes)
    assert wanted.std() > 0.05
    torch.testing.assert_close(folded(planes), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [64, 150])
@torch.no_grad()
def test_it_paints_in_styles(size):
    generator = trained(style="latent")
    planes = batch(2, size)
    drawn = styles(generator, len(planes))
    wanted = generator(planes, drawn)
    folded = fold(generator)
    torch.testing.assert_close(folded(planes, drawn), wanted, rtol=0, atol=1e-5)
    assert (folded(planes, drawn.flip(0)) - wanted).abs().max() > 0.01


@torch.no_grad()
def test_each_mask_alone_is_painted_as_in_a_batch(generator, folded):
    planes = batch(generator.last.out_channels, 64)
    alone = torch.cat([folded(planes[index : index + 1]) for index in range(len(planes))])
    torch.testing.assert_close(folded(planes), alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(alone[:1], generator(planes[:1]), rtol=0, atol=1e-5)


@torch.no_grad()
def test_another_mask_gives_another_image_even_by_one_pixel(generator, folded):
    planes = batch(generator.last.out_channels, 64)
    images = folded(planes)
    assert all((images[index] - images[0]).abs().max() > 0.01 for index in range(1, len(images)))
    changed = planes[:1].clone()
    changed[:, :4, 33, 33] = torch.tensor([0.0, 0, 0, 1])  # a place that only the largest size sees
    assert (folded(changed) - images[:1]).abs().max() > 1e-3
    torch.testing.assert_close(folded(changed), generator(changed), rtol=0, atol=1e-5)


def test_the_same_masks_give_the_same_bytes_also_from_a_copy(generator, folded):
    planes = batch(generator.last.out_channels, 64)
    images = folded(planes)
    assert torch.equal(folded(planes), images)
    assert torch.equal(pickle.loads(pickle.dumps(folded))(planes), images)
    assert torch.equal(folded(planes.contiguous()), images)


def test_nothing_is_left_to_work_out_and_nothing_to_train(folded):
    assert not any(is_parametrized(module) for module in folded.modules())
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    assert not any(tensor.requires_grad for tensor in folded.state_dict(keep_vars=True).values())


def test_a_generator_in_training_stays_as_it_is():
    generator = trained("single").train()
    before = copy.deepcopy(generator.state_dict())
    planes = batch(1, 32)
    images = fold(generator)(planes)
    assert generator.training
    assert all(torch.equal(before[name], tensor) for name, tensor in generator.state_dict().items())
    torch.testing.assert_close(images, generator.eval()(planes).detach(), rtol=0, atol=1e-5)


def test_another_precision_costs_no_more_than_its_rounding():
    generator, planes = trained("single"), batch(1, 64)
    images = fold(generator).bfloat16()(planes)
    assert images.dtype == torch.float32
    assert (images - generator(planes).detach()).abs().mean() < 0.02


@pytest.mark.parametrize("spoilt", [0.5, 1.0], ids=["soft", "two labels"])
def test_planes_that_are_not_one_hot_are_refused(folded, generator, spoilt):
    planes = batch(generator.last.out_channels, 32)
    planes[0, :2, 3, 3] = spoilt
    with pytest.raises(ValueError, match="one-hot"):
        folded(planes)


@pytest.mark.parametrize("frames", [1, 2])
def test_every_code_stands_for_its_planes(frames):
    planes = batch(frames, 32)
    assert torch.equal(code_planes(4 * frames)[encode(planes)].movedim(3, 1), planes)
    assert encode(planes[:1]).unique().tolist() == [BACKGROUND]
    assert len(code_planes(4 * frames)) == 1 + 4**frames


def test_background_has_nine_neighbourhoods_of_three_and_25_of_five():
    around = Neighbourhoods.of(torch.full((2, 7, 9), BACKGROUND), 5)
    assert len(around.three) == 9 + 1 and len(around.five) == 25 + 1  # and what is outside
    assert len(around.where) == 2 * (7 * 9 - 3 * 5)  # a border of two pixels


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 6), (3, 5, 2), (2, 12, 8)], ids=str)
def test_a_sum_over_neighbourhoods_is_a_conv(shape):
    draw = torch.Generator().manual_seed(2)
    codes = torch.randint(1, 5, shape, generator=draw)
    codes[..., : shape[2] // 2] = BACKGROUND
    around = Neighbourhoods.of(codes, 5)
    weights = [torch.randn(*size, 3, 3, generator=draw, dtype=torch.double) for size in ((3, 4), (2, 3))]
    values = code_planes(4).double()
    wanted = values[codes].movedim(3, 1)
    for weight, table in zip(weights, (around.three, around.five)):
        values = sum_over(table, (values @ by_places(weight).flatten(1)).view(-1, len(weight)))
        values[0] = 0
        wanted = F.conv2d(wanted, weight, padding=1)
    found = torch.full((codes.numel(),), BACKGROUND).index_copy(0, around.where, around.row)
    torch.testing.assert_close(values[found], wanted.movedim(1, 3).flatten(0, 2))
    if codes[0].numel() % 4 == 0 and shape[1] % 2 == 0:
        small = torch.arange(codes.numel() // 4).view(shape[0], 1, shape[1] // 2, shape[2] // 2).float()
        assert torch.equal(F.interpolate(small, scale_factor=2).flatten()[around.where].long(), around.above)
