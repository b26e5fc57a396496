"""Painting without a network: a patient's own images, moved so that their contours become those of a synthetic mask.

In each slice the plane is stretched along rays from a point inside both cavities: endocardium to endocardium, epicardium to
epicardium, the outer edge of the heart with its RV to that edge, and nothing moves beyond a margin. Along a ray the map
increases, so it is one to one and nothing folds. Contours are followed as far as rays from one point can: an RV that wraps
around the LV moves by its outer edge. What the synthetic slice has no more closes to a point. Papillary muscles, vessels and
lungs stay, and so does the patient: warped hearts show whose they are, and may be shared no more widely than the images that
they come from. Where a heart near the frame's edge shrinks, what comes in from outside is the inside mirrored.
"""

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import gaussian_filter1d, map_coordinates

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.volumes import LV, MYOCARDIUM, RV

ANGLES = 96
STEP_PX = 0.25  # between samples along a ray
SMOOTH_ANGLES = 1.0, 1.0, 3.0  # SD of the smoothing of the rings' radii, in angles; the last jumps where the RV begins
LEAST_PX = 0.5  # radius to which a cavity closes that the synthetic mask lacks, and least distance of two contours
FAR = 2.0  # of the areas of two cavities: ratio beyond which a slice may come from the other phase
MARGIN_MM = 15.0  # beyond the heart, in which its change fades out
RADIANS = np.arange(ANGLES) * 2 * np.pi / ANGLES


class WarpStudio:
    """Paints synthetic stacks from the images of their sources.

    cohort: the sources, with images and masks. source_of: the id of the source by the name of a stack.
    """

    def __init__(self, cohort: Cohort, source_of: Mapping[str, str]):
        self.cohort, self.source_of = cohort, source_of

    def paint(self, name: str, masks: np.ndarray) -> np.ndarray:
        """Images (slices, 2, H, W) of masks of that shape, both of uint8."""
        source = self.source_of[name]
        rows, spacing_mm = self.cohort.rows(source), float(self.cohort.table.at[source, "spacing_mm"])
        return warp_stack(np.asarray(self.cohort.images()[rows]), np.asarray(self.cohort.masks()[rows]), masks, spacing_mm)


def warp_stack(images: np.ndarray, masks: np.ndarray, wanted: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Images (slices, 2, H, W) moved so that their masks become those wanted; all of that shape and of uint8.

    A slice is taken from ED or from ES of the source, as ``lenders`` says.
    """
    warped = np.empty_like(images)
    for (slice_, phase), lender in np.ndenumerate(lenders(masks, wanted)):
        rows, columns = places(masks[slice_, lender], wanted[slice_, phase], spacing_mm)
        pixels = map_coordinates(images[slice_, lender].astype(np.float32), [rows, columns], order=3, mode="mirror")
        warped[slice_, phase] = pixels.round().clip(0, 255)
    return warped


def lenders(masks: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The phase of the source that each slice and phase is made from, (slices, 2): the same for a whole stack, so that neighbours match.

    It is the one whose cavity has the nearer volume; but a slice whose cavity there is more than twice the one wanted, or less than
    half, as at the apex where it closes, comes from the other phase where that is nearer. Where that phase has no RV in the slice
    and the mask wants one, it stays without.
    """
    areas, aims = ((labels == LV).sum(axis=(2, 3)) for labels in (masks, wanted))
    far = np.abs(np.log((areas[:, None] + 1) / (aims[:, :, None] + 1)))  # (slices, phases wanted, phases of the source)
    nearer = np.abs(areas.sum(axis=0) - aims.sum(axis=0)[:, None]).argmin(axis=1)
    there = np.take_along_axis(far, nearer[None, :, None], axis=2)[..., 0]
    return np.where(there > np.log(FAR), far.argmin(axis=2), nearer)


def places(mask: np.ndarray, wanted: np.ndarray, spacing_mm: float) -> np.ndarray:
    """For each pixel of a slice the place, (2, H, W) of rows and columns, in the source that it is taken from.

    mask, wanted: labels (H, W) of the source and of the synthetic slice. Without a heart in the source nothing moves.
    """
    pixels = np.indices(mask.shape).astype(float)
    if not mask.any():
        return pixels
    centre = _centre(mask, wanted)
    before, after = _radii(mask, centre), _radii(wanted, centre)
    edge = np.maximum(before[-1], after[-1]) + MARGIN_MM / spacing_mm + 2 * np.abs(before[-1] - after[-1])
    away = pixels - centre[:, None, None]
    radius, angle = np.hypot(*away), np.mod(np.arctan2(*away), 2 * np.pi)
    before, after = ([_at(angle, ring) for ring in (*rings, edge)] for rings in (before, after))
    taken = _stretched(radius, after, before)
    return centre[:, None, None] + away * (taken / np.maximum(radius, 1e-9))


def _centre(mask: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """A pixel inside the cavities of both, the nearest to the middle of what they share; else inside both hearts; else in the source's."""
    shared = ((mask >= least) & (wanted >= least) for least in (LV, MYOCARDIUM, RV))
    region = next((both for both in shared if both.any()), mask == mask.max())
    points = np.argwhere(region)
    return points[np.square(points - points.mean(axis=0)).sum(axis=1).argmin()].astype(float)


def _radii(mask: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Distances in pixels, (3, ANGLES), of endocardium, epicardium and the heart's outer edge from a point, each beyond the last."""
    along = np.arange(0, np.hypot(*mask.shape), STEP_PX)
    rays = centre[:, None, None] + np.stack([np.sin(RADIANS), np.cos(RADIANS)])[:, :, None] * along
    rings = []
    for smooth, structure, ends in zip(SMOOTH_ANGLES, (mask == LV, mask >= MYOCARDIUM, mask > 0), (_first_end, _first_end, _last_end)):
        inside = map_coordinates(structure.astype(np.float32), rays, order=1, mode="constant") > 0.5
        ring = gaussian_filter1d(ends(inside) * STEP_PX, smooth, mode="wrap")
        rings.append(np.maximum(ring, LEAST_PX + (rings[-1] if rings else 0)))
    return np.stack(rings)


def _first_end(inside: np.ndarray) -> np.ndarray:
    """Where each ray (ANGLES, samples) first leaves a structure, in samples."""
    return np.where(inside.all(axis=1), inside.shape[1], inside.argmin(axis=1)) - 0.5


def _last_end(inside: np.ndarray) -> np.ndarray:
    """Where each ray leaves it for the last time."""
    return np.where(inside.any(axis=1), inside.shape[1] - inside[:, ::-1].argmax(axis=1), 0) - 0.5


def _at(angle: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Radii at any angles, linear between those of the ring."""
    return np.interp(angle, [*RADIANS, 2 * np.pi], [*ring, ring[0]])


def _stretched(radius: np.ndarray, after: list[np.ndarray], before: list[np.ndarray]) -> np.ndarray:
    """Radii after the map that takes each ring of ``after`` to that of ``before``: linear between them, nothing moves beyond the last."""
    taken = radius.copy()
    inner_after = inner_before = np.zeros_like(radius)
    for outer_after, outer_before in zip(after, before):
        share = (radius - inner_after) / (outer_after - inner_after)
        between = (radius >= inner_after) & (radius < outer_after)
        taken = np.where(between, inner_before + share * (outer_before - inner_before), taken)
        inner_after, inner_before = outer_after, outer_before
    return taken
