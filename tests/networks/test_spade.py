"""The networks and losses of SPADE, against numbers worked out by hand."""

import pytest
import torch
from torch.nn.utils.parametrize import is_parametrized

from cardiosynth.networks.adversary import Discriminator, hinge_generator
from cardiosynth.networks.spade import Spade, SpadeBlock, SpadeGenerator, StyleEncoder, one_hot, pad_to_multiple, sample
from small_spade import TINY, seeded, some_masks  # noqa: F401 (a fixture)

JOINT = TINY.model_copy(update={"frames": "joint"})
LATENT = TINY.model_copy(update={"style": "latent", "style_channels": 5})


def test_one_hot_marks_each_label_in_its_plane():
    planes = one_hot(torch.tensor([[[0, 1], [2, 3]]]))
    assert planes.shape == (1, 4, 2, 2)
    assert planes[0, :, 0, 0].tolist() == [1, 0, 0, 0]
    assert planes[0, :, 0, 1].tolist() == [0, 1, 0, 0]
    assert planes[0, :, 1, 1].tolist() == [0, 0, 0, 1]


def test_one_hot_of_both_frames_stacks_their_planes():
    pair = torch.tensor([[[[3]], [[1]]]])  # ED blood, ES right ventricle
    assert one_hot(pair)[0, :, 0, 0].tolist() == [0, 0, 0, 1, 0, 1, 0, 0]


@pytest.mark.parametrize("size", [32, 64, 150])
def test_the_image_has_the_size_of_the_mask(size):
    images = SpadeGenerator(TINY)(one_hot(some_masks(2, size)))
    assert images.shape == (2, 1, size, size)
    assert images.abs().max() <= 1


def test_both_frames_of_a_slice_can_be_painted_together():
    masks = torch.stack([some_masks(2, 32), some_masks(2, 32, seed=1)], dim=1)
    images = SpadeGenerator(JOINT)(one_hot(masks))
    assert images.shape == (2, 2, 32, 32)
    scores = Discriminator(JOINT)(one_hot(masks), images)
    assert scores[0][-1].shape[:2] == (2, 1)


def test_padding_is_background_and_the_crop_undoes_it():
    planes = one_hot(some_masks(1, 150))
    padded = pad_to_multiple(planes)
    assert padded.shape == (1, 4, 160, 160)
    assert torch.equal(padded[..., 5:155, 5:155], planes)
    assert torch.equal(padded.sum(dim=1), torch.ones(1, 160, 160))
    border = padded.clone()
    border[..., 5:155, 5:155] = 0
    assert border[:, 1:].sum() == 0 and border[:, 0].sum() == 160**2 - 150**2


def test_padding_by_hand_paints_the_same_pixels():
    generator = SpadeGenerator(TINY).eval()
    planes = one_hot(some_masks(1, 40))
    by_hand = generator(pad_to_multiple(planes))[..., 12:52, 12:52]
    assert torch.equal(generator(planes), by_hand)


def test_spade_is_normalisation_scaled_and_shifted_by_the_labels():
    spade = Spade(channels=2, label_planes=4, shared_channels=3)
    with torch.no_grad():
        for parameter in spade.parameters():
            parameter.zero_()
        spade.gamma_beta.bias.copy_(torch.tensor([1.0, 2.0, 10.0, 20.0]))  # gamma 1, 2 and beta 10, 20
    x = torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    out = spade(x, one_hot(some_masks(4, 16)))
    normed = (x - x.mean((0, 2, 3), keepdim=True)) / x.var((0, 2, 3), unbiased=False, keepdim=True).add(1e-5).sqrt()
    wanted = normed * torch.tensor([2.0, 3.0]).view(1, 2, 1, 1) + torch.tensor([10.0, 20.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(out, wanted)


def test_gradient_reaches_every_parameter():
    generator, discriminator = SpadeGenerator(TINY), Discriminator(TINY)
    planes = one_hot(some_masks(2, 64))
    scores = discriminator(planes, generator(planes))
    hinge_generator([scale[-1] for scale in scores]).backward()
    for network in (generator, discriminator):
        dead = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert dead == []


def test_block_convs_have_spectral_norm_one():
    block = SpadeBlock(6, 4, label_planes=4, shared_channels=3)
    for conv in (block.conv_0, block.conv_1, block.conv_s):
        assert is_parametrized(conv, "weight")
        for _ in range(200):  # the power iteration advances with every use in training
            _ = conv.weight
        largest = torch.linalg.matrix_norm(conv.weight.flatten(1), 2)
        assert largest.item() == pytest.approx(1.0, abs=1e-3)


def test_a_block_that_keeps_its_width_has_no_shortcut_conv():
    block = SpadeBlock(4, 4, label_planes=4, shared_channels=3)
    assert block.conv_s is None and block.spade_s is None


@pytest.mark.parametrize("size", [32, 64, 150])
def test_a_style_takes_the_place_of_the_smallest_mask_at_any_size(size):
    generator = SpadeGenerator(LATENT).eval()
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    planes = one_hot(some_masks(1, size).expand(2, -1, -1))
    images = generator(planes, torch.tensor([[0.0] * 5, [1.0, -1.0, 0.5, 2.0, 0.0]]))
    assert images.shape == (2, 1, size, size)
    assert (images[0] - images[1]).abs().max() > 1e-3


def test_the_encoder_gives_a_mean_and_a_log_variance_of_the_width_asked_for():
    mean, log_variance = StyleEncoder(LATENT)(torch.rand(3, 1, 64, 64))
    assert mean.shape == log_variance.shape == (3, 5)


def test_a_style_is_drawn_with_its_mean_and_deviation():
    noise = torch.randn(100000, 1, generator=torch.Generator().manual_seed(0))
    drawn = sample(torch.full_like(noise, 2.0), torch.full_like(noise, 2 * 1.0986123), noise)  # log 3, twice
    assert drawn.mean().item() == pytest.approx(2.0, abs=0.03)
    assert drawn.std().item() == pytest.approx(3.0, abs=0.03)
