"""What lies around the heart: lungs, chest wall, diaphragm, liver, stomach, spleen, spine and aorta.

All of it is at rest. Positions are in the heart's frame: x to the image's right (towards the left back of
the patient), y down (towards the abdomen), z from the mitral plane to the apex.
"""

from dataclasses import dataclass

import numpy as np

from cardiosynth.data.phantom.plane import Plane, blend, cover, ellipse, lookup, stamp, warped


@dataclass(frozen=True)
class Thorax:
    """Sizes in mm, drawn per subject. warp: waves (plane.warped) that unsettle every shape.

    vessels, portal: (n, 7) lines in the lung and in the liver: point, direction per mm of z, radius, reach.
    """

    heart_radius_mm: float
    heart_length_mm: float
    chest_centre: tuple[float, float, float]
    chest_axes: tuple[float, float, float]
    chest_drift: tuple[float, float]
    muscle_mm: float
    fat_mm: float
    diaphragm_mm: float
    diaphragm_tilt: float
    recess_mm: float
    mediastinum_mm: float
    liver_edge_mm: float
    stomach: tuple[float, float, float]
    aorta: tuple[float, float]
    rib_phase: float
    warp: np.ndarray
    vessels: np.ndarray
    portal: np.ndarray
    texture: np.ndarray


def paint_thorax(thorax: Thorax, plane: Plane, signals: dict) -> np.ndarray:
    """The plane without the heart: signal relative to blood (H, W), float32; fat is negative."""
    x, y = warped(plane.x, plane.y, plane.z, thorax.warp)
    grain = lookup(thorax.texture, 2.0 * y + 900 + 31 * plane.z, 2.0 * x + 900)
    image = np.full(plane.x.shape, signals["lung"], np.float32) * (1.0 + 0.25 * grain)
    _paint_vessels(image, thorax.vessels, plane, 0.85)
    _paint_mediastinum(image, thorax, plane, x, y, grain, signals)
    _paint_abdomen(image, thorax, plane, x, y, grain, signals)
    _paint_back(image, thorax, plane, x, y, signals)
    _paint_chest_wall(image, thorax, plane, x, y, grain, signals)
    return image


def _paint_vessels(image, lines, plane: Plane, value: float):
    """Vessels as spots where lines cross the plane; they thin out along their way."""
    for px, py, pz, dx, dy, radius, reach in lines:
        along = plane.z - pz
        if 0.0 <= along <= reach:
            stamp(image, plane, px + dx * along, py + dy * along, radius * (1.0 - 0.6 * along / reach), value)


def _paint_mediastinum(image, thorax, plane, x, y, grain, signals):
    """Fat between heart, sternum and diaphragm."""
    shrink = max(1.0 - (max(plane.z, 0.0) / (1.4 * thorax.heart_length_mm)) ** 2, 0.05) ** 0.5
    half_width = (thorax.heart_radius_mm * 1.2 + 13.0 + 0.5 * thorax.mediastinum_mm) * (0.25 + 0.75 * shrink)
    half_height = (thorax.heart_radius_mm + 0.3 * thorax.mediastinum_mm) * (0.3 + 0.7 * shrink)
    centre = (-0.35 * thorax.heart_radius_mm - 10.0 - 0.5 * thorax.mediastinum_mm, 3.0)
    share = cover(ellipse(x, y, centre, (half_width, half_height), 0.25), plane.step_mm)
    strands = lookup(thorax.texture, 0.5 * y + 200, 0.3 * x + 300 + 0.5 * plane.z)
    blend(image, share, signals["fat"] * (0.8 + 0.05 * grain - 0.3 * np.clip(strands - 0.7, 0.0, 1.0)))


def _paint_abdomen(image, thorax, plane, x, y, grain, signals):
    """Below the diaphragm: fat and bowel, the liver to the left of the image, stomach and spleen to the right."""
    recess = thorax.recess_mm * np.exp(-(((x - 48.0) / 20.0) ** 2))
    top = thorax.diaphragm_mm + thorax.diaphragm_tilt * np.maximum(x - 15.0, 0.0) + recess
    depth = y - top - 0.004 * np.minimum(x + 25.0, 0.0) ** 2 - 0.06 * plane.z
    rows = slice(int(np.argmax(depth.max(axis=1) > -3.0)), len(depth))
    window, plane = (rows, slice(0, depth.shape[1])), plane.part(rows, slice(0, depth.shape[1]))
    image, x, y, grain, depth = (values[window] for values in (image, x, y, grain, depth))
    step = plane.step_mm
    blend(image, cover(depth, step), signals["muscle"])
    blend(image, cover(depth - 2.5, step), signals["fat"] * (0.85 + 0.06 * grain))
    bowel = lookup(thorax.texture, 0.35 * y + 50, 0.35 * x + 80 + 0.2 * plane.z)
    blend(image, cover(depth - 9.0, 5.0) * np.clip(bowel + 0.7, 0.0, 1.0), signals["stomach"] * (0.9 + 0.15 * grain))
    _paint_liver(image, thorax, plane, x, y, grain, depth, signals)
    _paint_spleen(image, thorax, plane, x, y, grain, signals)
    _paint_stomach(image, thorax, plane, x, y, grain, signals)


def _paint_liver(image, thorax, plane, x, y, grain, depth, signals):
    """The left lobe under the heart, with its veins."""
    centre = (thorax.liver_edge_mm + 0.25 * plane.z - 95.0, thorax.diaphragm_mm + 46.0)
    inside = np.minimum(depth - 3.0, ellipse(x, y, centre, (95.0, 62.0), 0.1, 0.4))
    tissue = np.full_like(image, signals["liver"]) * (1.0 + 0.06 * grain)
    _paint_vessels(tissue, thorax.portal, plane, 0.45)
    blend(image, cover(inside, plane.step_mm), tissue)


def _paint_spleen(image, thorax, plane, x, y, grain, signals):
    swell = max(1.0 - ((plane.z - 20.0) / 55.0) ** 2, 0.0) ** 0.5
    if swell:
        centre = (88.0, thorax.diaphragm_mm + 40.0 + 80 * thorax.diaphragm_tilt)
        inside = ellipse(x, y, centre, (26 * swell, 30 * swell), 0.5)
        blend(image, cover(inside, plane.step_mm), signals["spleen"] * (1.0 + 0.05 * grain))


def _paint_stomach(image, thorax, plane, x, y, grain, signals):
    """A wall of muscle, folds and mottled content."""
    sx, sy, size = thorax.stomach
    swell = max(1.0 - ((plane.z - 60.0) / 60.0) ** 2, 0.0) ** 0.5
    if not swell:
        return
    centre = (sx, thorax.diaphragm_mm + sy + 0.06 * plane.z + max(sx - 15.0, 0.0) * thorax.diaphragm_tilt)
    inside = ellipse(x, y, centre, (1.5 * size * swell, size * swell), -0.25)
    blend(image, cover(inside, plane.step_mm), signals["muscle"])
    content = signals["stomach"] * (0.75 + 0.28 * grain)
    blend(image, cover(inside - 3.5 + 1.2 * grain, 2.0 * plane.step_mm), content)


def _paint_back(image, thorax, plane, x, y, signals):
    """Descending aorta and spine with its canal; both leave the picture towards the apex."""
    drift, step = 0.9 * plane.z, plane.step_mm
    ax, ay = thorax.aorta[0] + drift, thorax.aorta[1] + 0.5 * drift
    window = plane.window((ax + 50.0, ay + 15.0), 78.0)
    image, x, y = image[window], x[window], y[window]
    if not image.size:
        return
    aorta = ellipse(x, y, (ax, ay), (10.0, 14.0), -0.5)
    body = ellipse(x, y, (ax + 36.0, ay + 12.0), (19.0, 22.0), -0.4, 0.4)
    canal = ellipse(x, y, (ax + 63.0, ay + 22.0), (8.0, 10.0))
    muscle = ellipse(x, y, (ax + 68.0, ay + 18.0), (38.0, 48.0), -0.4)
    layers = [(muscle, "muscle"), (body + 2.0, "bone"), (body, "marrow"), (canal + 2.5, "bone"), (canal, "fluid")]
    layers += [(canal - 3.5, "cord"), (aorta + 3.5, "fat"), (aorta + 1.8, "muscle"), (aorta, "blood")]
    for distance, tissue in layers:
        blend(image, cover(distance, step), signals[tissue])


def _paint_chest_wall(image, thorax, plane, x, y, grain, signals):
    """Outside the thoracic cavity: muscle with ribs, a second layer of muscle, fat under the skin, air."""
    step, (cx, cy, cz) = plane.step_mm, thorax.chest_centre
    shrink = max(1.0 - ((plane.z - cz) / thorax.chest_axes[2]) ** 2, 0.02) ** 0.5
    centre = (cx + thorax.chest_drift[0] * plane.z, cy + thorax.chest_drift[1] * plane.z)
    outside = -ellipse(x, y, centre, (thorax.chest_axes[0] * shrink, thorax.chest_axes[1] * shrink), 0.3, 0.2)
    angle = np.arctan2(y - centre[1], x - centre[0])
    blend(image, cover(outside, step), signals["muscle"] * (1.0 + 0.2 * grain))
    turns = angle * (15.0 / (2 * np.pi)) + (plane.z / 60.0 + thorax.rib_phase)
    along = (turns - np.floor(turns) - 0.5) * 42.0
    rib = 5.0 - 5.0 * np.sqrt((along / 11.0) ** 2 + ((outside - 8.0) / 4.5) ** 2)
    blend(image, cover(rib, step), signals["bone"])
    blend(image, cover(rib - 1.4, step), signals["marrow"] * (1.0 + 0.1 * grain))
    blend(image, 0.8 * cover(1.5 - np.abs(outside - 14.5 - 0.8 * grain), step), signals["fat"])
    skin = 15.0 + thorax.muscle_mm * (0.8 - 0.5 * np.cos(angle + 2.2)) + 3.0 * np.sin(3 * angle + thorax.rib_phase)
    blend(image, cover(outside - skin, step), signals["fat"] * (0.9 + 0.05 * grain))
    blend(image, cover(outside - skin - thorax.fat_mm, step), signals["air"])
