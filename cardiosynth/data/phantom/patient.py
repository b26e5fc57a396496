"""From a patient to a heart, a thorax and a scanner: every number that is drawn at random."""

import math

import numpy as np

from cardiosynth.data.phantom.heart import LEVEL_BINS, THETA_BINS, TILE, Heart, Papillary
from cardiosynth.data.phantom.imaging import Scanner
from cardiosynth.data.phantom.plane import noise_tile
from cardiosynth.data.phantom.sites import SITES, Patient
from cardiosynth.data.phantom.thorax import Thorax
from cardiosynth.data.phantom.tissues import Sequence
from cardiosynth.data.phantom.ventricle import Infarct, LeftVentricle

REGION_MM = 204.0  # side of the square rendered about the image's centre

# Length of the cavity over the cube root of its volume in mm (rounder when dilated), and wall at ED in mm.
_LENGTH = {"normal": 17.3, "dilated": 15.2, "hypertrophic": 17.0, "infarcted": 16.3}
_WALL_MM = {"normal": 8.0, "dilated": 8.0, "hypertrophic": 12.5, "infarcted": 8.5}


def draw_ventricle(patient: Patient) -> LeftVentricle:
    """An LV with exactly the patient's volumes."""
    rng = patient.rng(1)
    infarct = None
    if patient.disease == "infarcted":
        theta = rng.choice([-0.45 * np.pi, -0.75 * np.pi, 0.1 * np.pi, 0.55 * np.pi])  # LAD, septal, LCx, RCA
        infarct = Infarct(float(theta + rng.normal(0, 0.15)), rng.uniform(0.0, 0.7), rng.uniform(0.4, 0.8), 0.55)
    direction = rng.normal(np.pi, 0.6)
    slope = math.tan(math.radians(rng.uniform(8.0, 13.0)))
    return LeftVentricle(
        edv_ml=patient.edv_ml,
        esv_ml=patient.esv_ml,
        length_mm=_LENGTH[patient.disease] * patient.edv_ml ** (1 / 3) * rng.normal(1.0, 0.04),
        wall_mm=_WALL_MM[patient.disease] * rng.uniform(0.88, 1.12),
        septal_bulge=rng.uniform(0.2, 0.75) if patient.disease == "hypertrophic" else 0.0,
        infarct=infarct,
        ovality=rng.uniform(0.0, 0.10),
        oval_angle=rng.uniform(0.0, np.pi),
        slope=(-slope * math.cos(direction), -slope * math.sin(direction)),
        lean=tuple(rng.normal(0.0, 0.06, 2).tolist()),
        twist_rad=math.radians(rng.uniform(8.0, 15.0)) * patient.ef / 60.0,
        apex_mm=rng.uniform(5.0, 8.0),
        waves=_waves(rng, 4, 1.5),
    )


def draw_heart(patient: Patient) -> Heart:
    """The LV's surroundings inside the pericardium."""
    rng, lv = patient.rng(2), draw_ventricle(patient)
    size = (patient.edv_ml / 140.0) ** (1 / 6)
    papillaries = []
    for theta in (rng.normal(-0.28 * np.pi, 0.15), rng.normal(0.33 * np.pi, 0.15)):
        top, radius = rng.uniform(-0.2, 0.05), rng.uniform(3.8, 5.2) * size
        for offset, share in ((0.0, 1.0), (rng.choice([-1, 1]) * rng.uniform(0.18, 0.3), rng.uniform(0.45, 0.75))):
            place = theta + float(offset), rng.uniform(0.60, 0.72)
            papillaries.append(Papillary(*place, share * radius, top + rng.uniform(0, 0.1)))
    return Heart(
        lv=lv,
        papillaries=tuple(papillaries),
        trabeculae=_trabeculae(rng),
        marble=noise_tile(rng, (TILE, TILE), 10),
        roughness=rng.uniform(0.08, 0.16),
        rv_width_mm=rng.uniform(33.0, 42.0) * size,
        rv_height=rng.uniform(1.0, 1.18),
        rv_lift_mm=rng.uniform(-2.0, 6.0),
        rv_ejection=0.42 * patient.ef / 60.0 * rng.uniform(0.85, 1.1),
        fat_mm=rng.uniform(1.5, 5.0),
        flow=rng.uniform(0.03, 0.07),
        disease=patient.disease,
    )


def _trabeculae(rng: np.random.Generator) -> np.ndarray:
    """Ridges along the axis, deep in some places and hardly there in others."""
    ridges, places = (noise_tile(rng, (LEVEL_BINS, THETA_BINS), grain) for grain in ((6, 2.5), (8, 14)))
    return ridges * (1.0 + 0.6 * places)


def draw_thorax(patient: Patient, heart: Heart) -> Thorax:
    """A body that fits the heart."""
    rng, lv = patient.rng(3), heart.lv
    radius = lv.radius_mm + lv.wall_mm
    return Thorax(
        heart_radius_mm=radius,
        heart_length_mm=lv.length_mm,
        chest_centre=(rng.uniform(15, 28), rng.uniform(-12, 4), rng.uniform(-15, 10)),
        chest_axes=(radius + rng.uniform(72, 86), radius + rng.uniform(56, 74), lv.length_mm + rng.uniform(45, 110)),
        chest_drift=(rng.uniform(0.1, 0.4), rng.uniform(0.05, 0.3)),
        muscle_mm=rng.uniform(3.0, 12.0),
        fat_mm=rng.uniform(12.0, 45.0),
        diaphragm_mm=radius + rng.uniform(3.0, 9.0),
        diaphragm_tilt=rng.uniform(-0.30, 0.15),
        recess_mm=rng.uniform(0.0, 14.0),
        mediastinum_mm=rng.uniform(0.0, 14.0),
        liver_edge_mm=rng.uniform(-5.0, 25.0),
        stomach=(rng.uniform(25, 55), rng.uniform(22, 30), rng.uniform(18, 27)),
        aorta=(rng.uniform(46, 58), rng.uniform(40, 52)),
        rib_phase=rng.uniform(0, 2 * np.pi),
        warp=_waves(rng, 6, 3.5),
        vessels=_lines(rng, 220, (20.0, -25.0, -25.0), (0.6, 1.3), 2.3),
        portal=_lines(rng, 60, (-60.0, radius + 45.0, -20.0), (0.5, 1.0), 2.0),
        texture=noise_tile(rng, (TILE, TILE), 2.2),
    )


def _waves(rng: np.random.Generator, count: int, height_mm: float) -> np.ndarray:
    """Waves of 50 to 130 mm, up to a height: rows as ``warped`` reads them."""
    numbers = 2 * np.pi / rng.uniform(50.0, 130.0, (count, 2)) * rng.choice([-1, 1], (count, 2))
    return np.column_stack([height_mm * rng.uniform(0.3, 1.0, count), numbers, rng.uniform(0, 2 * np.pi, count)])


def _lines(rng: np.random.Generator, count: int, root, slant, radius: float) -> np.ndarray:
    """Vessels that fan out from a root: (count, 7) as Thorax keeps them."""
    start = np.asarray(root) + rng.normal(0.0, (45.0, 40.0, 40.0), (count, 3))
    away = (start - root)[:, :2] / 40.0 * rng.uniform(*slant, (count, 1)) + rng.normal(0.0, 0.4, (count, 2))
    return np.column_stack([start, away, radius * rng.uniform(0.3, 1.0, count), rng.uniform(15.0, 60.0, count)])


def draw_scanner(patient: Patient) -> Scanner:
    """The site's protocol with the patient's settings."""
    rng, site = patient.rng(4), SITES[patient.site]
    strong = patient.field_t == 3.0
    flip = site.flip_deg - (15.0 if strong else 0.0)
    strength = rng.uniform(*site.coil_strength, 3) * (1.3 if strong else 1.0)
    places = np.array([(-110.0, -70.0, 40.0, 75.0), (-10.0, -130.0, 90.0, 85.0), (120.0, 90.0, -40.0, 80.0)])
    places[:, :3] += rng.normal(0.0, 18.0, (3, 3))
    resolution = np.array(site.resolution_mm) * rng.uniform(0.9, 1.1)
    return Scanner(
        sequence=Sequence(patient.field_t, flip, 3.4 if strong else 3.0),
        pixel_mm=patient.pixel_mm,
        size_px=2 * round(REGION_MM / patient.pixel_mm / 2),
        thickness_mm=patient.thickness_mm,
        slice_gap_mm=patient.slice_gap_mm,
        resolution_mm=tuple(resolution),
        noise=rng.uniform(*site.noise) * (0.75 if strong else 1.0),
        coils=np.column_stack([places, strength]),
        gain=rng.uniform(120.0, 600.0),
        ghost_mm=rng.uniform(1.2, 2.0) if patient.motion else 0.0,
        ghost_period=rng.uniform(5.0, 9.0),
    )
