"""What tissues look like in balanced steady-state free precession (bSSFP)."""

from dataclasses import dataclass

import numpy as np

from cardiosynth.study.errors import InputError

# T1 and T2 in ms at 1.5 T and 3 T, and proton density against water.
# Blood, myocardium, muscle, liver and cord: Stanisz et al., Magn Reson Med 2005;54:507-512. Spleen, fat and
# marrow: de Bazelaire et al., Radiology 2004;230:652-659. Fluid is taken as free water and the stomach's
# content as dilute, and the densities of lung and bone as what their short T2* leaves: choices of ours.
TISSUES = {
    "blood": (0.95, (1441, 290), (1932, 275)),
    "myocardium": (0.85, (1030, 40), (1471, 47)),
    "muscle": (0.85, (1008, 44), (1412, 50)),
    "liver": (0.75, (576, 46), (812, 42)),
    "spleen": (0.85, (1057, 79), (1328, 61)),
    "fat": (0.90, (343, 58), (382, 68)),
    "marrow": (0.60, (549, 49), (586, 49)),
    "cord": (0.75, (745, 74), (993, 78)),
    "fluid": (1.00, (4000, 2000), (4000, 2000)),
    "stomach": (0.70, (1200, 90), (1500, 85)),
    "lung": (0.25, (1200, 60), (1400, 60)),
    "bone": (0.08, (1000, 40), (1200, 40)),
    "air": (0.0, (1000, 100), (1000, 100)),
}


@dataclass(frozen=True)
class Sequence:
    """bSSFP settings; field_t is 1.5 or 3.0."""

    field_t: float = 1.5
    flip_deg: float = 60.0
    tr_ms: float = 3.0


def bssfp_signal(density, t1_ms, t2_ms, flip_deg: float, tr_ms: float):
    """Steady-state signal on resonance with the echo at TR/2, as a share of the equilibrium magnetisation.

    M0 sin(a) (1 - E1) exp(-TE/T2) / (1 - (E1 - E2) cos(a) - E1 E2)
    (Scheffler and Lehnhardt, Eur Radiol 2003;13:2409-2418).
    """
    flip = np.deg2rad(flip_deg)
    e1, e2 = np.exp(-tr_ms / np.asarray(t1_ms, float)), np.exp(-tr_ms / np.asarray(t2_ms, float))
    return density * np.sin(flip) * (1 - e1) * np.sqrt(e2) / (1 - (e1 - e2) * np.cos(flip) - e1 * e2)


def tissue_signals(sequence: Sequence) -> dict[str, float]:
    """Signal of every tissue relative to blood; fat negative.

    Fat precesses 3.5 ppm off resonance, in the neighbouring pass band at these TR, and so with opposite sign:
    voxels that hold fat and water cancel, which draws the dark rim round the heart.
    Raises InputError for a field strength without published values here.
    """
    if sequence.field_t not in (1.5, 3.0):
        raise InputError(f"field strength {sequence.field_t} T; tissue values are given for 1.5 and 3.0 T")
    column = 1 if sequence.field_t == 1.5 else 2
    raw = {name: float(bssfp_signal(row[0], *row[column], sequence.flip_deg, sequence.tr_ms)) for name, row in TISSUES.items()}
    signals = {name: value / raw["blood"] for name, value in raw.items()}
    return {**signals, "fat": -signals["fat"]}
