"""The adversary and the losses of SPADE, against numbers worked out by hand."""

import numpy as np
import pytest
import torch
from torch.nn.utils.parametrize import is_parametrized

from cardiosynth.networks.adversary import (
    Discriminator,
    LeCam,
    augment_seen,
    feature_matching,
    hinge_discriminator,
    hinge_generator,
    kl_divergence,
    perceptual,
)
from cardiosynth.networks.spade import one_hot
from small_spade import TINY, seeded, some_masks  # noqa: F401


def test_discriminator_has_two_scales_of_five_layers_and_normalises_the_middle():
    discriminator = Discriminator(TINY)
    found = discriminator(one_hot(some_masks(2, 64)), torch.zeros(2, 1, 64, 64))
    assert [len(scale) for scale in found] == [5, 5]
    assert found[0][0].shape[-1] == 33 and found[1][0].shape[-1] == 17
    for scale in discriminator.scales:
        convs = [layer[0] for layer in scale.layers[1:4]]
        assert all(is_parametrized(conv, "weight") for conv in convs)
        assert all(isinstance(layer[1], torch.nn.InstanceNorm2d) for layer in scale.layers[1:4])


def test_hinge_loss_by_hand():
    real, fake = [torch.tensor([2.0, 0.5])], [torch.tensor([-3.0, 0.5])]
    # real: (0 + 0.5) / 2; fake: (0 + 1.5) / 2
    assert hinge_discriminator(real, fake).item() == pytest.approx(0.25 + 0.75)
    assert hinge_generator(fake).item() == pytest.approx(1.25)


def test_hinge_loss_is_the_mean_over_scales():
    real, fake = [torch.tensor([2.0]), torch.tensor([0.0])], [torch.tensor([-2.0]), torch.tensor([1.0])]
    assert hinge_discriminator(real, fake).item() == pytest.approx((0 + 3) / 2)
    assert hinge_generator(fake).item() == pytest.approx((2 - 1) / 2)


def test_feature_matching_is_zero_for_equal_images():
    discriminator, planes = Discriminator(TINY), one_hot(some_masks(1, 32))
    image = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    found = discriminator.eval()(planes, image)
    assert feature_matching(found, found).item() == 0
    assert feature_matching(found, discriminator(planes, -image)).item() > 0


def test_feature_matching_by_hand_leaves_the_scores_out():
    real = [[torch.zeros(2), torch.zeros(2), torch.zeros(1)]]
    fake = [[torch.tensor([1.0, 3.0]), torch.tensor([0.5, 0.5]), torch.tensor([100.0])]]
    assert feature_matching(real, fake).item() == pytest.approx(2.0 + 0.5)
    assert feature_matching(real * 2, fake * 2).item() == pytest.approx(2.5)


def test_perceptual_loss_weighs_the_deepest_map_most():
    zero, one = torch.zeros(3), torch.ones(3)
    assert perceptual([zero] * 5, [one] * 5).item() == pytest.approx(1 / 32 + 1 / 16 + 1 / 8 + 1 / 4 + 1)
    assert perceptual([zero, zero], [zero, one]).item() == pytest.approx(1.0)
    assert perceptual([zero, zero], [one, zero]).item() == pytest.approx(1 / 4)


def test_kl_divergence_by_hand():
    zero = torch.zeros(2, 3)
    assert kl_divergence(zero, zero).item() == pytest.approx(0.0)
    # mean 2, variance 4: (4 + 4 - 1 - log 4) / 2 for each of three channels
    assert kl_divergence(zero + 2, zero + np.log(4)).item() == pytest.approx(3 * (7 - np.log(4)) / 2)


def test_lecam_by_hand_and_its_anchors_follow_the_scores():
    lecam = LeCam(decay=0.5)
    real, fake = [torch.tensor([2.0, 4.0])], [torch.tensor([-1.0, -3.0])]
    loss = lecam(real, fake)
    assert lecam.anchors.tolist() == pytest.approx([1.5, -1.0])
    # real: ((2 + 1)^2 + (4 + 1)^2) / 2; painted: ((1.5 + 1)^2 + (1.5 + 3)^2) / 2
    assert loss.item() == pytest.approx((9 + 25) / 2 + (6.25 + 20.25) / 2)


def test_what_the_discriminator_sees_moves_with_its_labels_and_lets_gradients_through():
    masks = torch.zeros(20, 32, 32, dtype=torch.long)
    masks[:, 12:20, 12:20] = 3
    images = (one_hot(masks)[:, 3:] * 2 - 1).requires_grad_()
    planes, seen = augment_seen(one_hot(masks), images, np.random.default_rng(0))
    assert planes.shape == (20, 4, 32, 32) and seen.shape == images.shape
    centres = [tuple(torch.nonzero(plane[3]).float().mean(0).tolist()) for plane in planes]
    assert len(set(centres)) > 10 and all(abs(y - 15.5) <= 4 and abs(x - 15.5) <= 4 for y, x in centres)
    for plane, image in zip(planes[:, 3], seen[:, 0]):  # blood stays the brightest, and nothing else is
        assert image[plane == 1].min() > image[plane == 0].max()
    seen.sum().backward()
    assert images.grad.abs().sum() > 0


def test_real_and_painted_are_augmented_alike():
    """By the same draws: of an image and its negative the sum is twice the brightness that was added."""
    images = torch.rand(3, 2, 32, 32, generator=torch.Generator().manual_seed(0))
    planes = one_hot(torch.stack([some_masks(3, 32)] * 2, dim=1))
    (first, real), (second, painted) = (augment_seen(planes, sign * images, np.random.default_rng(7)) for sign in (1, -1))
    assert torch.equal(first, second) and not torch.equal(first, planes)
    added = (real + painted).flatten(1)
    assert (added.amax(1) - added.amin(1)).max() < 1e-5 and len(added[:, 0].unique()) == 3
