"""Painting: images that follow their mask and their style, streamed into a cohort."""

import numpy as np
import pandas as pd
import pytest
import torch

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.painting import painter
from cardiosynth.study.errors import InputError
from discs import disc_subject
from small_painter import TINY, painter_of

LATENT = TINY.model_copy(update={"style": "latent"})


@pytest.fixture(scope="module")
def masks():
    return np.concatenate([disc_subject("disc", radius, np.random.default_rng(0)).masks for radius in (6, 7, 9)])


@pytest.mark.parametrize("frames", ["single", "joint"])
def test_an_image_depends_on_its_own_mask_alone(masks, frames):
    studio = painter.Studio(painter_of(TINY.model_copy(update={"frames": frames})), 1)
    painted = studio.paint("a", masks)
    assert painted.shape == masks.shape and painted.dtype == np.uint8 and painted.std() > 1
    assert np.abs(painted[3].astype(int) - studio.paint("b", masks[3:4])[0]).max() <= 1  # rounding of sums in another order
    assert np.array_equal(painted, studio.paint("a", masks))


def test_the_batch_does_not_show(masks):
    generator = painter_of(TINY).generator
    apart = painter.paint(generator, masks, batch=1)
    assert np.abs(painter.paint(generator, masks, batch=4).astype(int) - apart).max() <= 1


def test_slices_of_a_subject_share_a_style_and_subjects_do_not(masks):
    same = np.repeat(masks[:1], 3, axis=0)
    shared = painter.Studio(painter_of(LATENT), 1)
    one, other = shared.paint("one", same), shared.paint("other", same)
    assert np.abs(one[0].astype(int) - one[2]).max() <= 1
    assert np.abs(one[0].astype(int) - other[0]).max() > 3
    own = painter.Studio(painter_of(LATENT.model_copy(update={"style_of": "slice"})), 1).paint("one", same)
    assert np.abs(own[0].astype(int) - own[2]).max() > 3


def test_the_seed_and_the_name_fix_the_style(masks):
    paintings = [painter.Studio(painter_of(LATENT), seed).paint("one", masks) for seed in (1, 1, 2)]
    assert np.array_equal(paintings[0], paintings[1]) and not np.array_equal(paintings[0], paintings[2])


@pytest.mark.parametrize("settings", [TINY, LATENT], ids=["plain", "latent"])
def test_the_loaded_painter_paints_as_the_saved_one(masks, tmp_path, settings):
    saved = painter_of(settings)
    painter.save_painter(tmp_path, saved)
    loaded = painter.load_painter(tmp_path)
    assert loaded.settings == settings
    assert np.array_equal(*(painter.Studio(each, 1).paint("a", masks) for each in (saved, loaded)))


def test_a_missing_generator_is_named(tmp_path):
    with pytest.raises(InputError, match="generator.safetensors"):
        painter.load_painter(tmp_path)


def test_painted_subjects_stream_into_a_cohort(masks, tmp_path):
    studio = painter.Studio(painter_of(TINY), 1)
    row = pd.Series(
        {
            "id": "synthetic-1",
            "source": "disc-1",
            "edv_ml": 120.0,
            "esv_ml": 30.0,
            "slice_gap_mm": 8.0,
            "spacing_mm": 2.0,
            "split": "train",
            "gamma": 0.9,
            "first": 99,
            "slices": 2,
            "ef": 75.0,
        }
    )
    written = write_cohort(tmp_path, painter.paint_subjects(studio, [(row, masks)]))
    assert np.array_equal(written.images(), studio.paint("synthetic-1", masks))
    entry = Cohort.open(tmp_path).table.loc["synthetic-1"]
    assert (entry["source"], entry["gamma"], entry["first"], entry["ef"]) == ("disc-1", 0.9, 0, 75.0)
    assert not (tmp_path / "masks.npy").exists()


class Flat(torch.nn.Module):
    """Paints middle grey whatever the mask."""

    def forward(self, planes, styles):
        return torch.zeros(len(planes), planes.shape[1] // 4, *planes.shape[2:])


@pytest.mark.parametrize("frames", ["single", "joint"])
def test_the_noise_that_painted_images_lack_is_measured(masks, frames):
    flat = painter_of(TINY.model_copy(update={"frames": frames}))
    flat.generator = Flat()
    masks = np.concatenate([masks] * 6)
    real = np.random.default_rng(0).normal(128, 8, masks.shape).round().clip(0, 255).astype(np.uint8)
    painter.measure_noise(flat, real, masks, np.random.default_rng(1))
    assert flat.noise_sd.numpy()[np.unique(masks)] == pytest.approx(8, rel=0.1)


def test_a_studio_adds_the_noise_of_the_painter_by_seed_and_name(masks):
    noisy = painter_of(TINY)
    smooth = painter.Studio(noisy, 1).paint("a", masks).astype(float)
    noisy.noise_sd += 8
    noisy.noise_colour += 1
    painted = [painter.Studio(noisy, 1).paint(name, masks) for name in ("a", "a", "b")]
    added = np.where(smooth < 128, 1, -1) * (painted[0] - smooth)  # black and white are as far as it can go
    assert np.sqrt(np.mean(added[added > 0] ** 2)) == pytest.approx(8, rel=0.1)
    assert np.array_equal(painted[0], painted[1]) and not np.array_equal(painted[0], painted[2])
