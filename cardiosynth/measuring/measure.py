"""Measuring one scan with a model: from its files to volumes with intervals, what is odd about it, and where the networks looked."""

from dataclasses import dataclass

import numpy as np
import torch

from cardiosynth.data.preprocessing import place, prepare
from cardiosynth.data.scans import read_scan
from cardiosynth.data.subject import Pair
from cardiosynth.data.volumes import QUANTITIES
from cardiosynth.measuring.attribution import occlusion
from cardiosynth.measuring.familiarity import cut_percent
from cardiosynth.measuring.model_folder import Model
from cardiosynth.measuring.uncertainty import Forecast
from cardiosynth.study.provenance import device

LIMITS = {"edv_ml": (0.0, np.inf), "esv_ml": (0.0, np.inf), "ef": (0.0, 100.0)}  # beyond which no heart is


@dataclass(frozen=True)
class Measurement:
    """One scan, measured. pair: on the model's grid. level: of the intervals, a probability. notes: of ``read_scan``.

    remarks: why it is unlike the training data. distance: from the training subjects, in those of the farthest validation subject.
    contribution: ml of ``volume`` that each spot contributes, (slices, H, W), or None where it was not asked for.
    """

    name: str
    scan: str
    pair: Pair
    forecast: Forecast
    level: float
    notes: dict
    remarks: list[str]
    distance: float
    volume: str | None
    contribution: np.ndarray | None

    def values(self, quantity: str) -> tuple[float, float, float]:
        """The prediction and its interval, low and high, in ml or percent, held to what a heart can be."""
        index = QUANTITIES.index(quantity)
        value = self.forecast.ef[0] if quantity == "ef" else self.forecast.mean[0, index]
        low, high = self.forecast.interval(quantity, self.level)
        return tuple(float(np.clip(number, *LIMITS[quantity])) for number in (value, low[0], high[0]))

    def row(self) -> dict:
        """The scan's line of predictions.csv."""
        row = {"name": self.name, "scan": self.scan}
        for quantity in QUANTITIES:
            stem, unit = quantity.removesuffix("_ml"), "_ml" if quantity.endswith("_ml") else ""
            row |= dict(zip((quantity, f"{stem}_low{unit}", f"{stem}_high{unit}"), np.round(self.values(quantity), 2)))
        return row | {
            "level": self.level, "slices": len(self.pair.images), "slice_gap_mm": round(self.pair.slice_gap_mm, 3),
            "ed_frame": self.notes.get("ed_frame"), "es_frame": self.notes.get("es_frame"), "distance": round(self.distance, 3),
            "warnings": "; ".join(self.remarks), "mended": "; ".join(self.notes["mended"]),
        }  # fmt: skip


def measure(model: Model, scan: str, name: str, level: float, volume: str | None) -> Measurement:
    """Read, prepare and predict one scan. level: of the intervals. volume: whose map is drawn, ``edv_ml``, ``esv_ml`` or None.

    Raises InputError naming the scan where it cannot be read or holds no heart.
    """
    grid = model.study.grid
    scanned, notes = read_scan(scan)
    pair = prepare(scanned, grid, place(scanned, grid))
    stack = torch.from_numpy(np.ascontiguousarray(pair.images))
    forecast = model.forecast(model.features([stack]), [pair.slice_gap_mm])
    distance = float(model.familiarity.distance(model.looks([stack]))[0])
    measures = {
        "slices": len(pair.images), "slice_gap_mm": pair.slice_gap_mm, "pixel_mm": float(np.mean(scanned.spacing_mm)),
        "cut_percent": cut_percent(pair.images), "edv_ml": float(forecast.mean[0, 0]), "ef": float(forecast.ef[0]),
    }  # fmt: skip
    contribution = None
    if volume:
        images = stack.to(device()).float().div_(255)
        contribution = occlusion(model.members, images, pair.slice_gap_mm, grid.spacing_mm, volume)
    remarks = notes["doubts"] + model.familiarity.remarks(distance, measures)
    relative = distance / float(model.familiarity.validation[-1])
    return Measurement(name, scan, pair, forecast, level, notes, remarks, relative, volume, contribution)
