"""Whether the LV grows steadily from ES to ED: in which slices Eq. (1) does not give it an area monotone in alpha.

Where the LV at ES lies inside that at ED, the distance to ES is nowhere the larger one, so no pixel leaves the LV
as alpha rises. Elsewhere nothing holds the area to one direction, so it is counted.
"""

import numpy as np

from cardiosynth.cohort import ED, ES
from cardiosynth.distances import interpolate, shrink_into_absent, signed_distances
from cardiosynth.volumes import LV


def lv_areas(masks: np.ndarray, steps: int = 12) -> np.ndarray:
    """Pixels of LV (steps + 1, slices) at alpha = 0 (ES) to steps (ED), from masks (slices, 2, H, W)."""
    distances = signed_distances(masks == LV)
    ed, es = shrink_into_absent(distances[:, ED], distances[:, ES])
    return np.stack([(interpolate(ed, es, alpha, steps) > 0).sum(axis=(1, 2)) for alpha in range(steps + 1)])


def count_not_monotone(masks: np.ndarray, steps: int = 12) -> dict[str, int]:
    """Slices of one subject that hold LV, those where ES lies inside ED, and those whose LV area is not monotone in alpha.

    masks: integer (slices, 2, H, W). Inside ED the area must never fall; elsewhere it must not both rise and fall.
    A slice without LV at ES counts as inside.
    """
    lv = masks == LV
    held = lv.any(axis=(1, 2, 3))
    inside = held & ~(lv[:, ES] & ~lv[:, ED]).any(axis=(1, 2))
    changes = np.diff(lv_areas(masks, steps), axis=0)
    falls, rises = (changes < 0).any(axis=0), (changes > 0).any(axis=0)
    counts = {
        "slices": held,
        "es_inside_ed_slices": inside,
        "not_monotone_inside": inside & falls,
        "not_monotone_elsewhere": held & ~inside & falls & rises,
    }
    return {name: int(where.sum()) for name, where in counts.items()}
