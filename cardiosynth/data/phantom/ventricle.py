"""The left ventricle: an analytic body that shortens, twists and thickens, with its volume known exactly.

Axial position is a level s, from ``BASE`` at the mitral plane over 0 at the widest section to 1 at the
endocardial apex; theta is the angle about the long axis (0 lateral, pi/2 inferior, pi septal) in the
material, that is, it turns with the wall. Lengths in mm, volumes in ml, phase in [0, 1).
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.interpolate import PchipInterpolator

from cardiosynth.data.phantom.plane import warped

BASE = -0.45
ES_PHASE = 0.35
MM3_PER_ML = 1000.0
# The section integrates to PROFILE * pi R^2 * half length: the integral of 1 - s^2 from BASE to 1.
PROFILE = (1.0 - BASE) - (1.0 - BASE**3) / 3.0
# Filling, 1 at ED and 0 at ES: isovolumic contraction, ejection, isovolumic relaxation, early filling,
# diastasis, atrial contraction. Turning points of a textbook volume curve (Wiggers), joined monotonically.
_FILLING = PchipInterpolator(
    [0.0, 0.04, 0.12, 0.20, 0.28, ES_PHASE, 0.40, 0.46, 0.52, 0.60, 0.75, 0.82, 0.90, 0.96, 1.0],
    [1.0, 0.985, 0.80, 0.43, 0.11, 0.0, 0.03, 0.24, 0.52, 0.70, 0.76, 0.775, 0.91, 0.985, 1.0],
)


@lru_cache(maxsize=1024)
def filling(phase: float) -> float:
    """The share of the stroke volume that is in the ventricle at a phase, between 0 and 1."""
    return float(_FILLING(phase % 1.0))


@dataclass(frozen=True)
class Infarct:
    """A scar centred at (theta, level): it stands still, and lacks the share ``thinning`` of the wall."""

    theta: float
    level: float
    spread: float
    thinning: float

    def extent(self, s, theta):
        """How much of the wall is scar at (s, theta), between 0 and 1."""
        return np.exp((np.cos(theta - self.theta) - 1.0) / self.spread - ((s - self.level) / 0.55) ** 2)


@dataclass(frozen=True)
class LeftVentricle:
    """Half an ellipsoid and a bit, cut at the mitral plane.

    At ED the squared endocardial radius is R^2 (1 - s^2) (1 + ovality cos 2(theta - oval_angle)); R follows
    from the EDV in closed form. Over the cycle the long axis shortens in proportion to the volume ejected and
    the squared radius is multiplied by 1 - k (1 - scar), where k makes the volume exact: it is linear in the
    volume, so no root is searched. The wall conserves its volume in every material sector.
    Three shears then make it less regular and leave the volume as it is: ``slope`` (mm per mm, over x and y)
    along the axis, which tilts the mitral plane; ``lean`` of the axis; ``waves`` across it (plane.warped).
    """

    edv_ml: float
    esv_ml: float
    length_mm: float
    wall_mm: float
    septal_bulge: float = 0.0
    infarct: Infarct | None = None
    ovality: float = 0.04
    oval_angle: float = 0.0
    slope: tuple[float, float] = (0.0, 0.0)
    lean: tuple[float, float] = (0.0, 0.0)
    twist_rad: float = 0.2
    apex_mm: float = 6.0
    waves: tuple = ()

    @property
    def ef(self) -> float:
        """Ejection fraction as a share, from the exact volumes."""
        return 1.0 - self.esv_ml / self.edv_ml

    @property
    def half_length_mm(self) -> float:
        """Millimetres of axis per unit of s at ED."""
        return self.length_mm / (1.0 - BASE)

    @property
    def tip_mm(self) -> float:
        """The epicardial apex, at rest during the cycle; z = 0 is the mitral plane at ED."""
        return self.length_mm + self.apex_mm

    @property
    def radius_mm(self) -> float:
        """R, the endocardial radius of the widest section at ED (closed form)."""
        return float(np.sqrt(self.edv_ml * MM3_PER_ML / (np.pi * self.half_length_mm * PROFILE)))

    def volume_ml(self, phase: float) -> float:
        """The exact cavity volume at a phase, papillary muscles included as readers do."""
        return self.esv_ml + filling(phase) * (self.edv_ml - self.esv_ml)

    def shortening(self, phase: float) -> float:
        """Long-axis length over that at ED: about 0.84 at ES for an EF of 60 %."""
        return 1.0 - 0.27 * self.ef * (1.0 - filling(phase))

    def contraction(self, phase: float) -> float:
        """k, the share of sectional area lost where there is no scar, from the exact volume at the phase."""
        return (self.edv_ml - self.volume_ml(phase) / self.shortening(phase)) / self._contractile_ml

    @cached_property
    def _contractile_ml(self) -> float:
        """The ED volume weighted by 1 - scar."""
        return self._integrate(lambda s, theta: self._endo_squared_ed(s, theta) * (1.0 - self._scar(s, theta)), 1.0)

    def _integrate(self, squared_radius, shortening) -> float:
        """Half the integral of a squared radius over theta (trapezoid, periodic) and z (Gauss-Legendre)."""
        nodes, weights = np.polynomial.legendre.leggauss(64)
        s = BASE + (1.0 - BASE) * (nodes + 1.0) / 2.0
        theta = np.linspace(0.0, 2.0 * np.pi, 256, endpoint=False)
        over_theta = np.mean(squared_radius(s[:, None], theta), axis=1) * np.pi
        return float(weights @ over_theta * (1.0 - BASE) / 2.0 * self.half_length_mm * shortening / MM3_PER_ML)

    def _scar(self, s, theta):
        return 0.0 if self.infarct is None else self.infarct.extent(s, theta)

    def _endo_squared_ed(self, s, theta):
        oval = 1.0 + self.ovality * np.cos(2.0 * (theta - self.oval_angle))
        return self.radius_mm**2 * oval * np.maximum(1.0 - s * s, 0.0)

    def _wall_ed(self, s, theta, scar):
        """Wall thickness at ED: thinner towards the apex and in scar, thicker in a hypertrophic septum."""
        bulge = self.septal_bulge * np.exp(2.0 * (np.cos(theta - 1.1 * np.pi) - 1.0)) if self.septal_bulge else 0.0
        thinning = self.infarct.thinning * scar if self.infarct else 0.0
        body = np.clip(s, BASE, 1.0)
        wall = self.wall_mm * (1.0 + bulge - 0.12 * body) * (1.0 - thinning)
        beyond = np.clip((s - 1.0) * self.half_length_mm / self.apex_mm, 0.0, 1.0)
        return wall * np.sqrt(1.0 - beyond * beyond)

    def radii(self, s, theta, phase: float):
        """Endocardial and epicardial radius at level s and material angle theta, arrays that broadcast.

        Below the endocardial apex (s > 1) the first is 0; beyond the tip both are 0.
        """
        scar = self._scar(s, theta)
        at_ed, wall = self._endo_squared_ed(s, theta), self._wall_ed(s, theta, scar)
        muscle = wall * (2.0 * np.sqrt(at_ed) + wall)
        endo_squared = at_ed * (1.0 - self.contraction(phase) * (1.0 - scar))
        return np.sqrt(endo_squared), np.sqrt(endo_squared + muscle * (1.0 / self.shortening(phase)))

    def level(self, x, y, z, phase: float):
        """s at a point (mm, about the axis)."""
        sheared = z + self.slope[0] * x + self.slope[1] * y
        tip = 1.0 + self.apex_mm / self.half_length_mm
        return tip - (self.tip_mm - sheared) / (self.half_length_mm * self.shortening(phase))

    def base_mm(self, phase: float) -> float:
        """z of the mitral plane on the axis; it moves towards the apex in systole."""
        return self.tip_mm * (1.0 - self.shortening(phase))

    def about_axis(self, x, y, z: float):
        """x and y (mm) of points of the plane z about the long axis, the leaning and the waves undone."""
        along = z - 0.45 * self.length_mm
        return warped(x - self.lean[0] * along, y - self.lean[1] * along, z, self.waves)

    def twist(self, s, phase: float):
        """Angle to add to an angle in the image for the material angle: the base turns against the apex."""
        return self.twist_rad * (1.0 - filling(phase)) * (np.clip(s, BASE, 1.0) + 0.1)
