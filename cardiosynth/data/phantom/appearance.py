"""What the heart looks like: walls, blood, muscles inside it and fat around it, painted on one plane."""

import numpy as np

from cardiosynth.data.phantom.heart import LEVEL_BINS, RV_WALL_MM, THETA_BINS, Heart, Sections, frame, great_vessels, right_ventricle, sections
from cardiosynth.data.phantom.plane import Plane, blend, cover, ellipse, lookup
from cardiosynth.data.phantom.ventricle import BASE


def paint_heart(image: np.ndarray, heart: Heart, plane: Plane, phase: float, signals: dict, thickness_mm: float):
    """Paint the heart over an image (H, W), in place; thickness_mm: of the layer the plane stands for."""
    window = plane.window((-22.0, 0.0), heart.reach_mm)
    image, plane = image[window], plane.part(*window)
    cut, at, step = sections(heart, plane, phase), frame(heart, plane.z, phase), plane.step_mm
    right, vessels = right_ventricle(heart, cut, at), great_vessels(heart, cut, at)
    cavities = ([] if right is None else [(right, RV_WALL_MM)]) + vessels[:2]
    edge = step + min(at.epi_steepness * thickness_mm, 6.0)
    _paint_fat(image, heart, cut, at, [cut.epi - cut.r, *(distance for distance, _ in cavities)], signals, step)
    blood = signals["blood"] * _flow(heart, cut, phase)
    _paint_cavities(image, cavities, 0.93 * blood, signals, edge)
    if right is not None:
        _paint_rv_trabeculae(image, heart, cut, at, right, signals, step)
    blend(image, cover(cut.epi - cut.r, edge), signals["myocardium"])
    inner = plane.window((0.0, 0.0), heart.lv.radius_mm + 12.0)
    pool = image[inner], heart, plane.part(*inner), cut.part(inner), at
    _paint_cavity(*pool, phase, blood[inner], signals, thickness_mm)
    if at.depth_mm < -3.0:  # the aortic root lies in front of the atrium
        _paint_cavities(image, vessels[-1:], blood, signals, step, min((-at.depth_mm - 3.0) / 8.0, 1.0))


def _paint_cavity(image, heart, plane, cut, at, phase, blood, signals, thickness_mm):
    """The LV's blood pool, the muscle in it and the mitral valve; the edge is wide where the wall slants."""
    edge = plane.step_mm + min(at.endo_steepness * thickness_mm, 6.0)
    blend(image, cover(cut.endo - cut.r, edge), blood)
    _paint_trabeculae(image, heart, cut, at, signals, plane.step_mm)
    _paint_papillaries(image, heart, cut, at, phase, signals, plane.step_mm)
    lv = heart.lv
    valve = 0.8 - np.abs(cut.level - BASE) * (lv.half_length_mm * lv.shortening(phase))
    blend(image, 0.5 * cover(cut.endo - cut.r, edge) * cover(valve, thickness_mm), signals["myocardium"])


def _paint_cavities(image, cavities, blood, signals, edge, share=1.0):
    """Walls first, then blood, so that cavities which overlap open into each other."""
    for distance, _ in cavities:
        blend(image, share * cover(distance, edge), signals["myocardium"])
    for distance, wall_mm in cavities:
        blend(image, share * cover(distance - wall_mm, edge), blood)


def _flow(heart: Heart, cut: Sections, phase: float):
    """Inflow enhancement and dephasing: blood is never quite even, and less so while it moves."""
    shift = 90.0 * phase
    return 1.0 + heart.flow * lookup(heart.marble, 1.5 * cut.y + shift + 300, 1.5 * cut.x + 2 * shift + 300)


def _paint_fat(image, heart, cut, at, distances, signals, step):
    """Epicardial fat over the smooth union of the chambers: it fills the grooves, and is thick near the base."""
    union = distances[0]
    for distance in distances[1:]:
        apart = np.maximum(7.0 - np.abs(union - distance), 0.0)
        union = np.maximum(union, distance) + apart * apart * (1.0 / 28.0)
    below = np.clip((cut.y - cut.x) / (np.maximum(cut.r, 1.0) * 1.4), -0.8, 1.0)
    uneven = lookup(heart.marble, 2.0 * cut.y + 700, 2.0 * cut.x + 100)
    thickness = heart.fat_mm * (0.4 + 0.6 * below + 0.4 * uneven) + 2.5 * float(np.clip(1.0 - at.depth_mm / 15.0, 0, 1))
    blend(image, 0.7 * cover(union + thickness + 1.0, step), signals["muscle"])
    blend(image, cover(union + thickness, step), signals["fat"])


def _paint_rv_trabeculae(image, heart, cut, at, right, signals, step):
    """Coarse strands inside the RV, most of them near its apex and free wall."""
    if at.level < BASE + 0.1:
        return
    strands = lookup(heart.marble, 4.0 * cut.y + 40, 3.0 * cut.x + 500)
    coarse = 1.3 - 1.1 * min(at.level - BASE, 1.0) + 0.06 * np.clip(right - RV_WALL_MM, 0.0, 14.0)
    inside = cover(right - RV_WALL_MM, step) * cover(cut.r - cut.epi, step)
    blend(image, 0.7 * inside * np.clip(1.2 * (strands - coarse), 0.0, 1.0), signals["myocardium"])


def _paint_trabeculae(image, heart, cut, at, signals, step):
    """An uneven rim of the blood pool, deeper towards the apex; it turns and folds with the wall."""
    depth = heart.roughness * float(np.clip(0.3 + 1.0 * at.level, 0.0, 1.1))
    if depth == 0.0 or at.endo == 0.0:
        return
    rows = np.clip((cut.level - BASE) * (LEVEL_BINS / (1.0 - BASE)), 0, LEVEL_BINS - 1)
    pattern = lookup(heart.trabeculae, rows, cut.theta * (THETA_BINS / (2 * np.pi)))
    rim = cut.r - cut.endo * (1.0 - depth * np.clip(pattern + 0.4, 0.0, 2.5))
    blend(image, 0.65 * cover(cut.endo - cut.r, step) * cover(rim, 2.5 * step), signals["myocardium"])


def _paint_papillaries(image, heart, cut, at, phase, signals, step):
    """Papillary muscles: dark inside the blood pool, free at their heads and rooted in the wall below."""
    if not BASE < at.level < 0.95:
        return
    turn = heart.lv.twist(at.level, phase)
    inside = cover(cut.endo - cut.r, step)
    for muscle in heart.papillaries:
        present = max(min((at.level - muscle.top) / 0.25, 1.0), 0.0) ** 0.5
        radius = muscle.radius_mm * present * (1.0 - 0.12 * (1.0 - at.filled))
        if radius > 0.5:
            away = max(min(muscle.distance + 0.25 * at.level, 0.95) * at.endo, 0.6 * radius)
            angle = muscle.theta - turn
            where = (away * np.cos(angle), away * np.sin(angle))
            distance = ellipse(cut.x, cut.y, where, (1.2 * radius, 0.85 * radius), angle)
            blend(image, 0.92 * inside * cover(distance, 1.5 * step), signals["myocardium"])
