"""Discs of blood in rings of muscle: cohorts that the networks of image synthesis learn in a few steps."""

import numpy as np

from cardiosynth.data.subject import Subject

SIZE = 32


def disc_subject(name, radius, rng, split="train"):
    """Two slices of a bright disc of blood in a grey ring on a dark ground, with noise."""
    rows, columns = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    distance = np.hypot(rows, columns)
    frames = [np.select([distance < r, distance < r + 3], [3, 2], 0) for r in (radius, 0.7 * radius)]
    masks = np.stack([np.stack(frames)] * 2).astype(np.uint8)
    brightness = np.array([20, 0, 90, 220])[masks]
    images = np.clip(brightness + rng.normal(0, 5, masks.shape), 0, 255).astype(np.uint8)
    return Subject(name, "disc", images, masks, (2.0, 2.0), 8.0, 100.0, 50.0, {"split": split})
