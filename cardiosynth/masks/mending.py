"""Mending of synthetic masks: what moving contours apart from each other breaks by a pixel or two.

The LV and the epicardial contour move separately, so that a thin wall may open between pixels or where a slice
fades; the RV is what lies between two contours, so that its horns may come off. Neither mend touches the LV, so
no volume changes, and neither changes the source's own masks.
"""

import numpy as np
from scipy.ndimage import label

from cardiosynth.data.volumes import LV, MYOCARDIUM, RV
from cardiosynth.masks.anatomy import CORNERS_TOUCH, Findings
from cardiosynth.masks.distances import bounding_box

IN_PLANE = np.stack([np.zeros((3, 3), bool), CORNERS_TOUCH, np.zeros((3, 3), bool)])
SPECK = 0.01  # of the RV's largest area in the source: what is smaller and has come off is no RV


class Mender:
    """Mends the frames of one source. findings: what ``anatomy.examine`` says of its masks (slices, 2, H, W)."""

    def __init__(self, masks: np.ndarray, findings: Findings):
        self._closed = ~np.any(findings.wall_gaps, axis=1)[:, None, None]
        self._rv_pieces = np.maximum(findings.rv_pieces.max(axis=1), 1)
        self._speck_px = SPECK * (masks == RV).sum(axis=(2, 3)).max()

    def mend(self, frame: np.ndarray, lv_box=None, rv_box=None) -> np.ndarray:
        """The frame (slices, H, W), changed in place: walls closed, then specks of RV taken away.

        lv_box, rv_box: rows and columns outside which there is no LV or no RV, where known.
        """
        self._close_walls(frame[:, *_wider(lv_box or bounding_box(frame == LV))])
        self._drop_specks(frame[:, *(rv_box or bounding_box(frame == RV))])
        return frame

    def _close_walls(self, part: np.ndarray) -> None:
        """Give the LV a wall of one pixel on its four sides in the slices in which the source's wall has no gap."""
        lv = (part == LV) & self._closed
        near = np.zeros_like(lv)
        near[:, 1:] |= lv[:, :-1]
        near[:, :-1] |= lv[:, 1:]
        near[:, :, 1:] |= lv[:, :, :-1]
        near[:, :, :-1] |= lv[:, :, 1:]
        part[near & (part < MYOCARDIUM)] = MYOCARDIUM

    def _drop_specks(self, part: np.ndarray) -> None:
        """Take away the smallest pieces of RV beyond the source's number in a slice, those up to SPECK."""
        labels, count = label(part == RV, IN_PLANE)
        inside = np.flatnonzero(labels)
        piece = labels.ravel()[inside] - 1
        where = np.zeros(count, int)
        where[piece] = inside // part[0].size
        for index in np.flatnonzero(np.bincount(where, minlength=len(part)) > self._rv_pieces):
            size = np.bincount(piece, minlength=count)
            pieces = np.flatnonzero(where == index)
            extra = pieces[np.argsort(-size[pieces], kind="stable")][self._rv_pieces[index] :]
            part[index][np.isin(labels[index], extra[size[extra] <= self._speck_px] + 1)] = 0


def _wider(box: tuple[slice, ...]) -> tuple[slice, ...]:
    """The box and a pixel around it."""
    return tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
