"""Anatomy of synthetic masks: what is wrong with a heart that was not wrong with its source.

Masks are integer arrays (slices, 2, H, W) of the labels in ``volumes.LABELS``, base to apex, phase 0 ED and 1 ES.
Outlines of real hearts break some of these rules too: open walls at the base, an RV in two pieces. A slice of a
candidate may show what the same slice of its source shows at ED or at ES; it is blamed for what synthesis adds.

Pixels that touch at a corner count as one piece, and a wall is closed where its pixels touch at corners.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects, label

from cardiosynth.data.subject import ED, ES
from cardiosynth.data.volumes import LV, MYOCARDIUM, RV

CAUSES = ("lv in pieces", "wall open", "rv not apart", "areas jump", "es above ed")
JUMP_TOLERANCE = 0.1  # of the largest LV radius: pixels of 2.3 mm instead of 1 mm add up to 0.093 to ACDC's real masks
SOUND_JUMP = 0.5  # without a source to compare with: no patient of ACDC's training set reaches it at ED (most 0.49)
AREA_TOLERANCE_PX = 2  # LV pixels of a slice that ES may have more than ED
CORNERS_TOUCH = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Findings:
    """What a stack of masks shows, by slice and phase (slices, 2).

    lv_pieces, rv_pieces: connected parts. wall_gaps: LV pixels without wall or LV on one of their four sides;
    rv_contacts: those with RV there. lv_area: LV pixels. jump: see ``largest_jump``.
    """

    lv_pieces: np.ndarray
    rv_pieces: np.ndarray
    wall_gaps: np.ndarray
    rv_contacts: np.ndarray
    lv_area: np.ndarray
    jump: float


def examine(masks: np.ndarray) -> Findings:
    """The findings of one stack of masks (slices, 2, H, W). Beyond the frame is background."""
    masks = np.asarray(masks)
    phases = masks.reshape(-1, *masks.shape[2:])
    near_lv = np.pad(phases, ((0, 0), (1, 1), (1, 1)))[_box(phases == LV, margin=1)]
    lv = near_lv[:, 1:-1, 1:-1] == LV
    area = lv.sum(axis=(1, 2)).reshape(-1, 2)
    counts = [_pieces(lv), _pieces((phases == RV)[_box(phases == RV)])]
    counts += [_contacts(lv, near_lv < MYOCARDIUM), _contacts(lv, near_lv == RV)]
    lv_pieces, rv_pieces, wall_gaps, rv_contacts = (count.reshape(-1, 2) for count in counts)
    return Findings(lv_pieces, rv_pieces, wall_gaps, rv_contacts, area, largest_jump(area))


def largest_jump(lv_area: np.ndarray) -> float:
    """How abruptly the LV changes from base to apex, in the phase where it does so most; 0 for up to two slices.

    lv_area: pixels (slices, 2). The largest second difference of the root of the area along the slices, as a share
    of the largest root in the stack: 0 for a cone, 1 where the cavity ends at its full size within the stack (as at
    the base, which leaves its slices at ES), 2 where one slice loses a cavity that all others have.
    """
    radius = np.sqrt(lv_area)
    if len(radius) < 3:
        return 0.0
    return float((np.abs(np.diff(radius, 2, axis=0)) / np.maximum(radius.max(axis=0), 1)).max())


class Anatomy:
    """What the masks of one source allow its candidates. masks: (slices, 2, H, W)."""

    def __init__(self, masks: np.ndarray):
        self.own = examine(masks)

    def faults(self, masks: np.ndarray, base_moves: bool = False) -> list[str]:
        """All causes, of CAUSES and in their order, for which a candidate's masks of the source's shape are broken.

        base_moves: whether the base is meant to leave slices, which is an abrupt change of area and no fault then.
        """
        causes = _compare(examine(masks), self.own)
        return [cause for cause in causes if not (base_moves and cause == "areas jump")]


def faults(masks: np.ndarray, source: np.ndarray) -> list[str]:
    """All causes for which a candidate is broken, given the masks of its source of the same shape; empty if sound."""
    return Anatomy(source).faults(masks)


def own_faults(masks: np.ndarray) -> list[str]:
    """All causes for which masks are broken by themselves, as if their source had no fault and a jump of SOUND_JUMP."""
    findings = examine(masks)
    nothing = np.zeros_like(findings.lv_area)
    return _compare(findings, Findings(nothing, nothing, nothing, nothing, nothing, SOUND_JUMP - JUMP_TOLERANCE))


def _compare(candidate: Findings, own: Findings) -> list[str]:
    """The causes for which findings are worse than those of the source."""
    no_more_ed = own.lv_area[:, ES] <= own.lv_area[:, ED]
    holds = (
        _exceeds(candidate.lv_pieces, own.lv_pieces),
        _appears(candidate.wall_gaps, own.wall_gaps),
        _exceeds(candidate.rv_pieces, own.rv_pieces) or _appears(candidate.rv_contacts, own.rv_contacts),
        candidate.jump > own.jump + JUMP_TOLERANCE,
        (no_more_ed & (candidate.lv_area[:, ES] > candidate.lv_area[:, ED] + AREA_TOLERANCE_PX)).any(),
    )
    return [cause for cause, holds_here in zip(CAUSES, holds) if holds_here]


def _exceeds(candidate: np.ndarray, own: np.ndarray) -> bool:
    """Whether a slice of the candidate is in more pieces than one and than its source is there at ED or ES."""
    return bool((candidate > np.maximum(own.max(axis=1, keepdims=True), 1)).any())


def _appears(candidate: np.ndarray, own: np.ndarray) -> bool:
    """Whether a slice of the candidate shows something that its source shows in that slice neither at ED nor at ES."""
    return bool(((candidate > 0) & ~own.any(axis=1, keepdims=True)).any())


def _pieces(structure: np.ndarray) -> np.ndarray:
    """Connected parts of a boolean (frames, H, W) in each frame."""
    apart = np.pad(structure, ((0, 0), (0, 1), (0, 0)))  # stacked with a gap, one image is labelled faster than many
    labels, _ = label(apart.reshape(-1, apart.shape[2]), CORNERS_TOUCH)
    frames = [rows.start // apart.shape[1] for rows, _ in find_objects(labels)]
    return np.bincount(np.array(frames, int), minlength=len(structure))


def _contacts(lv: np.ndarray, other: np.ndarray) -> np.ndarray:
    """LV pixels with ``other`` on one of their four sides, by frame. lv: (frames, H, W), other has a pixel more all around."""
    beside = other[:, :-2, 1:-1] | other[:, 2:, 1:-1] | other[:, 1:-1, :-2] | other[:, 1:-1, 2:]
    return (lv & beside).sum(axis=(1, 2))


def _box(structure: np.ndarray, margin: int = 0) -> tuple[slice, ...]:
    """The rectangle that holds a boolean (frames, H, W) in all frames, one pixel if empty, with a margin on each far side."""
    sides = []
    for axis in (1, 2):
        held = np.flatnonzero(structure.any(axis=(0, 3 - axis)))
        sides.append(slice(held[0], held[-1] + 1 + 2 * margin) if len(held) else slice(0, 1 + 2 * margin))
    return slice(None), *sides
