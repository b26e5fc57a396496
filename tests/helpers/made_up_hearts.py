"""A subject whose pixels do not matter."""

import numpy as np

from cardiosynth.data.subject import Subject


def heart(name="one", slices=3, **changes):
    values = {
        "id": name,
        "source": "test",
        "images": np.full((slices, 2, 8, 8), 7, np.uint8),
        "masks": np.zeros((slices, 2, 8, 8), np.uint8),
        "spacing_mm": (1.0, 1.0),
        "slice_gap_mm": 8.0,
        "edv_ml": 100.0,
        "esv_ml": 40.0,
        "extra": {"split": "train"},
    }
    return Subject(**(values | changes))
