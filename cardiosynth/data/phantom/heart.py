"""The whole heart on one image plane: the left ventricle with what lies inside and around it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cardiosynth.data.phantom.plane import Plane, ellipse
from cardiosynth.data.phantom.ventricle import BASE, LeftVentricle, filling
from cardiosynth.data.volumes import LABELS

RV_WALL_MM = 3.0
THETA_BINS, LEVEL_BINS, TILE = 256, 64, 256


@dataclass(frozen=True)
class Papillary:
    """A papillary muscle: its angle, distance from the axis as a share of the radius, and radius at ED."""

    theta: float
    distance: float
    radius_mm: float
    top: float  # the level where its head ends


@dataclass(frozen=True)
class Heart:
    """An LV and its neighbours.

    trabeculae: (LEVEL_BINS, THETA_BINS) noise, periodic in theta, attached to the wall. marble: (TILE, TILE)
    periodic noise for blood flow and the RV's trabeculae. rv_width_mm: how far the RV reaches beyond the
    septum at the base at ED; rv_ejection: the share of it lost at ES. fat_mm: epicardial fat.
    """

    lv: LeftVentricle
    papillaries: tuple[Papillary, ...]
    trabeculae: np.ndarray
    marble: np.ndarray
    roughness: float
    rv_width_mm: float
    rv_height: float
    rv_lift_mm: float
    rv_ejection: float
    fat_mm: float
    flow: float
    disease: str = "normal"

    @property
    def reach_mm(self) -> float:
        """Half the side of a window about (-22, 0) that holds the heart with its vessels and fat."""
        return self.lv.radius_mm + self.lv.wall_mm + 46.0


class Sections(NamedTuple):
    """The LV on a plane: samples about its axis (x, y, r, theta), level, both radii, and mm above the base."""

    x: np.ndarray
    y: np.ndarray
    r: np.ndarray
    theta: np.ndarray
    level: np.ndarray
    endo: np.ndarray
    epi: np.ndarray
    above_mm: np.ndarray

    def part(self, window) -> "Sections":
        """The same on a window of the plane."""
        return Sections(*(values[window] for values in self))


def sections(heart: Heart, plane: Plane, phase: float) -> Sections:
    """Cut the LV. Above the mitral plane it widens into the atrium, whose wall is thin."""
    lv = heart.lv
    x, y = lv.about_axis(plane.x, plane.y, plane.z)
    r = np.sqrt(x * x + y * y)
    level = lv.level(x, y, plane.z, phase)
    theta = np.arctan2(y, x) + lv.twist(level, phase)
    inside = np.maximum(level, BASE)
    endo, epi = lv.radii(inside, theta, phase)
    above_mm = np.maximum(BASE - level, 0.0) * (lv.half_length_mm * lv.shortening(phase))
    if plane.z < lv.base_mm(phase) + 20.0:
        atrial_wall, wall = np.minimum(epi - endo, 1.8), epi - endo
        endo = endo + np.maximum(0.95 * lv.radius_mm - endo, 0.0) * np.minimum(above_mm / 14.0, 1.0)
        epi = endo + atrial_wall + (wall - atrial_wall) * np.maximum(1.0 - above_mm / 7.0, 0.0)
    return Sections(x, y, r, theta, level, endo, epi, above_mm)


class PlaneShape(NamedTuple):
    """Numbers that hold for a whole plane at a phase: mean radii, their change per mm, filling, mm below the base."""

    endo: float
    epi: float
    endo_steepness: float
    epi_steepness: float
    filled: float
    level: float
    depth_mm: float


def frame(heart: Heart, z: float, phase: float) -> PlaneShape:
    """Summarise the LV at z, for its neighbours and for edges that slant through a thick slice."""
    lv, theta = heart.lv, np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    levels = lv.level(0.0, 0.0, np.array([z - 1.0, z, z + 1.0]), phase)
    endo, epi = (radius.mean(axis=1) for radius in lv.radii(np.maximum(levels, BASE)[:, None], theta, phase))
    steepness = [abs(float(radius[2] - radius[0])) / 2.0 for radius in (endo, epi)]
    return PlaneShape(float(endo[1]), float(epi[1]), *steepness, filling(phase), float(levels[1]), z - lv.base_mm(phase))


def right_ventricle(heart: Heart, cut: Sections, at: PlaneShape):
    """Signed distance to the outside of the RV: a body behind the septum, most of it hidden by the LV.

    None where the plane passes it by.
    """
    if at.level < BASE:
        taper = max(1.0 - (at.depth_mm / 14.0) ** 2, 0.0) ** 0.5
    else:
        taper = max(1.0 - ((at.level - BASE) / (0.86 - BASE)) ** 2.2, 0.0) ** 0.55
    if taper < 0.05:
        return None
    ejected = heart.rv_ejection * (1.0 - at.filled)
    reach = heart.rv_width_mm * taper * (1.0 - ejected)
    half_width = (0.85 * at.epi + reach) / 2.0
    height = at.epi * heart.rv_height * (0.3 + 0.7 * taper) * (1.0 - 0.12 * ejected)
    centre = (half_width - at.epi - reach, heart.rv_lift_mm * taper)
    # The free wall runs from the outflow tract at the top to the acute margin at the bottom left.
    return ellipse(cut.x, cut.y + 0.22 * (cut.x - centre[0]), centre, (half_width, height), 0.0, 0.3)


def great_vessels(heart: Heart, cut: Sections, at: PlaneShape) -> list:
    """Outflow tract and pulmonary artery, right atrium, aortic root: (signed distance, wall in mm) each.

    They hang on the mitral plane and descend with it in systole; the aortic root, if there, comes last.
    """
    radius, above, x, y, parts = at.epi, -at.depth_mm, cut.x, cut.y, []
    if above > -18.0:
        size = 16.0 * min((above + 18.0) / 16.0, 1.0) ** 0.5
        centre = (-0.78 * radius, -(0.86 + 0.25 * min(above / 10.0, 1.0)) * radius)
        parts.append((ellipse(x, y, centre, (1.15 * size, 0.95 * size), 0.5), 2.0))
    if above > -4.0:
        size = min((above + 4.0) / 10.0, 1.0) ** 0.5 * (1.12 - 0.12 * at.filled)
        parts.append((ellipse(x, y, (-1.25 * radius, 0.36 * radius), (27 * size, 25 * size), -0.5, 0.3), 1.5))
    if above > 3.0:
        parts.append((ellipse(x, y, (-0.66 * radius, -0.28 * radius), (15.0, 13.0), 0.6), 1.5))
    return parts


def label(heart: Heart, plane: Plane, phase: float) -> np.ndarray:
    """Labels (uint8, H, W) of the points of a plane: what a reader would draw on it.

    Papillary muscles belong to the LV; the RV's wall and everything above the mitral plane stay background.
    """
    labels = np.zeros(plane.x.shape, np.uint8)
    window = plane.window((-22.0, 0.0), heart.reach_mm)
    labels[window] = _label_window(heart, plane.part(*window), phase)
    return labels


def _label_window(heart: Heart, plane: Plane, phase: float) -> np.ndarray:
    cut, at = sections(heart, plane, phase), frame(heart, plane.z, phase)
    labels = np.zeros(plane.x.shape, np.uint8)
    right = right_ventricle(heart, cut, at)
    if right is not None and at.level >= BASE:
        labels[right > RV_WALL_MM] = LABELS["rv"]
    labels[cut.r < cut.epi] = LABELS["background"]
    below = cut.level >= BASE
    labels[below & (cut.r < cut.epi)] = LABELS["myocardium"]
    labels[below & (cut.r < cut.endo)] = LABELS["lv"]
    return labels
