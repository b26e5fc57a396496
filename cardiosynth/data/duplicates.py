"""Identical images under two names, found by their content: within a dataset, and leaks across splits."""

import hashlib
from collections import defaultdict
from itertools import combinations

import numpy as np
import pandas as pd

from cardiosynth.study.errors import InputError

COLUMNS = ["id", "split", "other_id", "other_split", "shared_images"]


def fingerprints(images: np.ndarray) -> frozenset[str]:
    """One hash for each image of (..., H, W) that is not constant, whatever its number type.

    Images are cut to their non-zero rows and columns first, so that padding does not hide a twin.
    """
    hashes = set()
    for image in images.reshape(-1, *images.shape[-2:]):
        if image.max() > image.min():
            rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
            inner = np.ascontiguousarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], dtype=np.float32)
            hashes.add(hashlib.blake2b(inner.tobytes() + str(inner.shape).encode(), digest_size=8).hexdigest())
    return frozenset(hashes)


def twins(contents: dict[str, frozenset[str]], splits: dict[str, str]) -> pd.DataFrame:
    """Pairs of subjects that share at least one image. contents: fingerprints by id; splits: split by id."""
    owners = defaultdict(list)
    for name, hashes in contents.items():
        for value in hashes:
            owners[value].append(name)
    shared: dict[tuple[str, str], int] = defaultdict(int)
    for names in owners.values():
        for pair in combinations(sorted(names), 2):
            shared[pair] += 1
    rows = [(one, splits[one], other, splits[other], count) for (one, other), count in sorted(shared.items())]
    return pd.DataFrame(rows, columns=COLUMNS)


def refuse_leaks(pairs: pd.DataFrame) -> None:
    """Raise InputError where a pair of ``twins`` stands in two splits."""
    leaks = pairs[pairs["split"] != pairs["other_split"]]
    if len(leaks):
        first = leaks.iloc[0]
        raise InputError(
            f"{first.id} ({first.split}) and {first.other_id} ({first.other_split}) hold the same images, "
            f"one of {len(leaks)} such pairs across splits; mark one of each pair as excluded in the split file"
        )
