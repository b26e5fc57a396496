"""Ventricular volumes by Simpson's rule and the ejection fraction (paper, Methods, Eq. 2)."""

import numpy as np

LABELS = {"background": 0, "rv": 1, "myocardium": 2, "lv": 3}
RV, MYOCARDIUM, LV = LABELS["rv"], LABELS["myocardium"], LABELS["lv"]
ML_PER_MM3 = 1e-3
QUANTITY = {"edv_ml": ("EDV", "ml"), "esv_ml": ("ESV", "ml"), "ef": ("EF", "%")}  # column: name, unit
ERROR_IN = QUANTITY | {"ef": ("EF", "points")}
QUANTITIES = tuple(QUANTITY)
VOLUMES = QUANTITIES[:2]


def volume_ml(masks, pixel_area_mm2: float, slice_gap_mm: float, label: int = LV):
    """Volume of one label by Simpson's rule as the paper uses it: the sum of areas times the slice gap.

    masks: integer array (slices, ..., H, W). Returns an array of the shape (...), in ml; the sum runs
    over slices, rows and columns.
    """
    areas_px = (np.asarray(masks) == label).sum(axis=(-2, -1))
    return areas_px.sum(axis=0) * (pixel_area_mm2 * slice_gap_mm * ML_PER_MM3)


def ejection_fraction(edv_ml, esv_ml):
    """Ejection fraction in percent, 100 (EDV - ESV) / EDV (paper, Eq. 2). Volumes in ml, EDV > 0."""
    edv_ml, esv_ml = np.asarray(edv_ml, float), np.asarray(esv_ml, float)
    return 100.0 * (edv_ml - esv_ml) / edv_ml
