"""Masks painted by the phantom's formulas instead of a generator: the same hearts in tissue of known contrast.

The mask decides the heart: what is blood, myocardium and RV. All else is the phantom's: signals of tissues, fat about the
heart, papillary muscles, a thorax that fits, coils, k-space and noise. Nothing of it has been learnt from an image.
"""

import zlib
from dataclasses import replace

import numpy as np

from cardiosynth.data.phantom.examination import GRID_PX
from cardiosynth.data.phantom.heart import RV_WALL_MM, Heart
from cardiosynth.data.phantom.imaging import acquire, coil_shading
from cardiosynth.data.phantom.patient import draw_heart, draw_scanner, draw_thorax
from cardiosynth.data.phantom.plane import Plane, blend, cover, ellipse, lookup, make_plane
from cardiosynth.data.phantom.sites import Patient, patient
from cardiosynth.data.phantom.thorax import paint_thorax
from cardiosynth.data.phantom.tissues import tissue_signals
from cardiosynth.data.preprocessing import normalise, sample_linear
from cardiosynth.data.volumes import LV, MYOCARDIUM, RV, ejection_fraction, volume_ml
from cardiosynth.masks.distances import signed_distances
from cardiosynth.study.sections import Grid

POOL = 1000  # patients of site "a" whose scanner settings the hearts are given
PAPILLARY_DEPTHS = (0.2, 0.85)  # of the way from base to apex


class PhantomStudio:
    """Paints stacks as ``painter.Studio`` does. seed and the name of a stack fix its thorax, its scanner and its noise."""

    def __init__(self, grid: Grid, seed: int):
        self.grid, self.seed = grid, seed

    def paint(self, name: str, masks: np.ndarray) -> np.ndarray:
        """Images (slices, 2, H, W) of masks of that shape, both of uint8 and on the study's grid."""
        who = _sitter(name, masks, self.grid.spacing_mm, self.seed)
        heart, scanner = draw_heart(who), draw_scanner(who)
        thorax, signals = draw_thorax(who, heart), tissue_signals(scanner.sequence)
        step, fine = scanner.extent_mm / GRID_PX, Grid(size_px=GRID_PX, extent_mm=scanner.extent_mm)
        lv, epi, rv = _distances_mm(masks, self.grid.spacing_mm, fine)
        centre, turn = _pose(masks, self.grid.spacing_mm)
        depths = (np.arange(len(masks)) + 0.5) / len(masks)
        signal = np.empty((2, len(masks), GRID_PX, GRID_PX), np.float32)
        for index, depth in enumerate(depths):
            plane = make_plane(GRID_PX, step, centre, turn, float(depth * heart.lv.length_mm))
            around = paint_thorax(thorax, plane, signals)
            for phase in (0, 1):
                signal[phase, index] = around
                _paint_heart(signal[phase, index], heart, plane, depth, [d[index, phase] for d in (lv, epi, rv)], signals)
        shading = np.stack([coil_shading(scanner, GRID_PX, depth * heart.lv.length_mm) for depth in depths])
        images = np.stack([acquire(signal[phase] * shading, scanner, who.rng(6, phase)) for phase in (0, 1)], axis=1)
        return normalise(sample_linear(images, (scanner.pixel_mm,) * 2, self.grid), self.grid, name)


def _sitter(name: str, masks: np.ndarray, spacing_mm: float, seed: int) -> Patient:
    """A patient of site "a" with about the volumes of the masks, so that the thorax fits; the slice gap is the patient's own."""
    code = zlib.crc32(name.encode())
    who = patient("a", "train", code % POOL, POOL, seed)
    edv_ml, esv_ml = volume_ml(masks, spacing_mm**2, who.slice_gap_mm)
    ef = float(np.clip(ejection_fraction(edv_ml, esv_ml), 5, 90))
    return replace(who, index=code, ef=ef, edv_ml=float(np.clip(edv_ml, 40, 400)), disease="normal", motion=False)


def _distances_mm(masks: np.ndarray, spacing_mm: float, fine: Grid) -> list[np.ndarray]:
    """Signed distances (slices, 2, n, n) in mm, positive inside, of LV, epicardium and RV on the finer grid."""
    far = sum(masks.shape[-2:])  # sampling puts 0 beyond the frame, so distances are raised to be positive first
    structures = (masks == LV, (masks == LV) | (masks == MYOCARDIUM), masks == RV)
    return [(sample_linear(signed_distances(inside, cropped=False) + far, (spacing_mm,) * 2, fine) - far) * spacing_mm for inside in structures]


def _pose(masks: np.ndarray, spacing_mm: float) -> tuple[tuple[float, float], float]:
    """Centre of the LV in mm right of and below the image's middle, and the turn that puts the RV where it is."""
    middle = (np.array(masks.shape[-2:]) - 1) / 2
    left, right = (np.argwhere(np.isin(masks, labels))[:, 2:] for labels in ((LV, MYOCARDIUM), (RV,)))
    centre = (left.mean(axis=0) - middle) * spacing_mm
    if not len(right):
        return (centre[1], centre[0]), 0.0
    down, across = right.mean(axis=0) - left.mean(axis=0)
    return (centre[1], centre[0]), float(np.arctan2(down, across) - np.pi)


def _paint_heart(image: np.ndarray, heart: Heart, plane: Plane, depth: float, distances, signals: dict) -> None:
    """Fat, RV, myocardium, blood and papillary muscles over an image (n, n), in place. depth: 0 at the base, 1 at the apex."""
    lv, epi, rv = distances
    step, union = plane.step_mm, np.maximum(epi, rv + RV_WALL_MM)
    blood = signals["blood"] * (1 + heart.flow * lookup(heart.marble, 1.5 * plane.y + 300, 1.5 * plane.x + 300))
    blend(image, 0.7 * cover(union + heart.fat_mm + 1, step), signals["muscle"])
    blend(image, cover(union + heart.fat_mm, step), signals["fat"])
    blend(image, cover(rv + RV_WALL_MM, step), signals["myocardium"])
    blend(image, cover(rv, step), 0.93 * blood)
    blend(image, cover(epi, step), signals["myocardium"])
    blend(image, cover(lv, step), blood)
    inside = lv > 0
    if inside.any() and PAPILLARY_DEPTHS[0] < depth < PAPILLARY_DEPTHS[1]:
        x, y, radius_mm = plane.x[inside].mean(), plane.y[inside].mean(), step * np.sqrt(inside.sum() / np.pi)
        for muscle in heart.papillaries:
            away, size = muscle.distance * radius_mm, min(muscle.radius_mm, 0.3 * radius_mm)
            place = (x + away * np.cos(muscle.theta), y + away * np.sin(muscle.theta))
            spot = ellipse(plane.x, plane.y, place, (1.2 * size, 0.85 * size), muscle.theta)
            blend(image, 0.92 * cover(lv, step) * cover(spot, 1.5 * step), signals["myocardium"])
