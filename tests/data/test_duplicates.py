import numpy as np
import pytest

from cardiosynth.data.duplicates import fingerprints, refuse_leaks, twins
from cardiosynth.study.errors import InputError


def stack(seed, slices=3):
    return np.random.default_rng(seed).integers(1, 900, (slices, 2, 12, 10))


def test_the_same_pixels_have_the_same_fingerprints_whatever_their_type_order_or_padding():
    images = stack(1)
    padded = np.pad(images[::-1], ((0, 0), (0, 0), (3, 1), (0, 5))).astype(np.float64)
    assert len(fingerprints(images)) == 6
    assert fingerprints(padded) == fingerprints(images)
    assert not fingerprints(images + 1) & fingerprints(images)


def test_constant_images_are_nobodys_twin():
    assert fingerprints(np.full((2, 2, 5, 5), 7)) == frozenset()


def test_one_shared_slice_makes_a_pair_and_only_a_pair_across_splits_is_a_leak():
    shared = stack(1)
    contents = {"a": fingerprints(shared), "b": fingerprints(np.concatenate([stack(2), shared[:1]])), "c": fingerprints(stack(3))}
    pairs = twins(contents, {"a": "train", "b": "train", "c": "test"})
    assert pairs.to_dict("records") == [{"id": "a", "split": "train", "other_id": "b", "other_split": "train", "shared_images": 2}]
    refuse_leaks(pairs)
    with pytest.raises(InputError, match=r"^a \(train\) and b \(test\) hold the same images, one of 1 .* excluded in the split file$"):
        refuse_leaks(twins(contents, {"a": "train", "b": "test", "c": "test"}))
