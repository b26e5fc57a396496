"""Do painted hearts have the size that their masks say? A network trained on real images reads both.

The reader has seen real training subjects alone. Where it finds in a painted image the structures that the
mask asked for, as well as it finds those of real images, the labels hold; where it reads another ejection fraction
than was asked for, a network that learns from the painted hearts learns a wrong size.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from cardiosynth.data.volumes import LABELS, LV, ejection_fraction, volume_ml
from cardiosynth.networks.unet import SegmentationNetwork, segment_stack
from cardiosynth.study.errors import InputError

THIRDS = ("base", "middle", "apex")
STRUCTURES = {name: label for name, label in LABELS.items() if name != "background"}


def read_labels(network: SegmentationNetwork, hearts: Iterable[tuple], device="cpu") -> pd.DataFrame:
    """What the network reads of hearts, one row each.

    hearts: (images, masks, ml of a pixel), both arrays (slices, 2, H, W) of uint8. Columns: for each structure
    ``<name>_both``, the pixels where mask and reading agree, and ``<name>_sum``, those of both together; and
    edv_ml, esv_ml, ef of the mask (asked for) and with ``read_`` of the reading; and, of the slices and phases of each third of the
    stack whose mask has an LV, its pixels ``<third>_area``, how many more are read (``_more``) and the sum of absolute differences
    (``_off``). Raises InputError without hearts.
    """
    rows = []
    for images, masks, pixel_ml in hearts:
        reading = segment_stack(network, images, device)
        row = {}
        for name, label in STRUCTURES.items():
            row[f"{name}_both"] = int(((reading == label) & (masks == label)).sum())
            row[f"{name}_sum"] = int((reading == label).sum() + (masks == label).sum())
        for prefix, labels in (("", masks), ("read_", reading)):
            edv_ml, esv_ml = volume_ml(labels, pixel_ml * 1000, 1.0)
            ef = ejection_fraction(edv_ml, esv_ml) if edv_ml > 0 else np.nan
            row |= {f"{prefix}edv_ml": edv_ml, f"{prefix}esv_ml": esv_ml, f"{prefix}ef": float(ef)}
        rows.append(row | _areas(masks, reading))
    if not rows:
        raise InputError("there are no hearts whose labels could be read; give the study more subjects")
    return pd.DataFrame(rows)


def _areas(masks: np.ndarray, reading: np.ndarray) -> dict[str, int]:
    """The LV's pixels in each third of a stack (slices, 2, H, W), and how the reading differs from them slice by slice."""
    wanted, read = ((labels == LV).sum(axis=(2, 3)) for labels in (masks, reading))
    more = np.where(wanted > 0, read - wanted, 0)
    third = np.arange(len(masks)) * len(THIRDS) // len(masks)
    sums = {"area": wanted, "more": more, "off": np.abs(more)}
    return {f"{name}_{kind}": int(of[third == index].sum()) for index, name in enumerate(THIRDS) for kind, of in sums.items()}


def summary(read: pd.DataFrame, suffix: str) -> dict[str, float]:
    """Dice of each structure over all pixels, bias and mean absolute error of the EF (points), biases of the volumes (ml).

    ``<third>_area_bias`` and ``<third>_area_error``: of the LV's areas in the slices of a third, in percent of them, over all hearts.
    read: as ``read_labels`` makes it. The names end in ``suffix``. Hearts in which no LV was read count in the Dice alone.
    """
    values = {
        f"{name}_dice{suffix}": 2 * read[f"{name}_both"].sum() / read[f"{name}_sum"].sum() if read[f"{name}_sum"].any() else np.nan
        for name in STRUCTURES
    }
    error = (read["read_ef"] - read["ef"]).dropna()
    values |= {f"ef_bias{suffix}": error.mean(), f"ef_mae{suffix}": error.abs().mean()}
    values |= {f"{name}_bias_ml{suffix}": (read[f"read_{name}_ml"] - read[f"{name}_ml"]).mean() for name in ("edv", "esv")}
    areas = {name: read[f"{name}_area"].sum() or np.nan for name in THIRDS}
    of = {"bias": "more", "error": "off"}
    return values | {f"{name}_area_{kind}{suffix}": 100 * read[f"{name}_{of[kind]}"].sum() / areas[name] for name in THIRDS for kind in of}
