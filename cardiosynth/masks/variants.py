"""Variants: the same recipes for hearts that differ in how they shorten, thicken or fail (beyond the paper).

The paper blends and scales contours slice by slice, which leaves the base where it is and the muscle free to gain or
lose volume. Each variant changes one of these things and nothing else, on the signed distances of a recipe's two
frames: arrays (3, slices, H, W), in pixels, positive inside, of the LV cavity, the epicardial contour (LV and
myocardium) and the RV (what is RV where it lies outside the epicardium), slices from base to apex.
"""

import numpy as np
from scipy.ndimage import center_of_mass, gaussian_filter, label

from cardiosynth.masks.anatomy import CORNERS_TOUCH
from cardiosynth.masks.distances import scale_distances
from cardiosynth.masks.recipes import Recipe

MINIMUM_WALL_PX = 1.5  # less leaks through the corners of pixels
LEAST_COVER = 0.2  # share of a slice below which the base is taken to have left it
INWARDS = 0.8  # of the thickening of a hypertrophic wall, at most
SCAR_THINNING = 0.3  # of the wall's thickness
SECTOR_EDGE_DEG = 60.0  # over which a sector fades on either side, half of it inside its width


def vary(ed: np.ndarray, es: np.ndarray, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Distances of ED and ES as the recipe's variant makes them; ``plain`` gives both back as they are.

    ed, es: (3, slices, H, W) on square pixels, scaled and interpolated already; neither is changed in place.
    """
    if recipe.variant == "plain":
        return ed, es
    frames = _MAKERS[recipe.variant](ed, es, recipe)
    new_ed, new_es = (after if after is before else _rv_in_one(after, before) for after, before in zip(frames, (ed, es)))
    return new_ed, new_es


def conserved(ed, es, recipe):
    """Myocardial volume at ES is ``amount`` times that at ED: one offset moves the epicardial contour of the ES stack.

    Muscle is nearly incompressible; it loses 2 to 4 ml of blood per 100 g (Yin et al., Am J Physiol 1996;271:H1864). The
    offset is the distance that leaves so many pixels: exact unless walls would get thinner than ``MINIMUM_WALL_PX``.
    """
    wanted = round(recipe.amount * np.count_nonzero(_muscle(ed)))
    slices = (es[1] > 0).any(axis=(1, 2))
    if not (wanted and slices.any()):
        return ed, es
    thicker = es.copy()
    thicker[:, slices] = _with_muscle(es[:, slices], es[0, slices], wanted)
    return ed, thicker


def shortened(ed, es, recipe):
    """The base at ES has moved towards the apex by ``amount`` of the LV's length at ED; the apex stands still.

    The atrioventricular plane moves by 16 mm in healthy hearts, some 15 % of the length, which makes most of the stroke
    volume (Carlsson et al., Am J Physiol Heart Circ Physiol 2007;292:H1452). What the masks show of it counts, and a
    recipe whose ES is part of the way to ED has its part of it. The ES stack is compressed linearly towards the end of
    its last slice: slices show what lay nearer the base, and one that the base leaves in part keeps as much of its area.
    """
    with_lv = np.flatnonzero((es[0] > 0).any(axis=(1, 2)))
    if not (len(with_lv) and (ed[0] > 0).any()):
        return ed, es
    length = np.count_nonzero((ed[0] > 0).any(axis=(1, 2)))
    wanted = recipe.amount * length * (recipe.ed_alpha - recipe.es_alpha) / recipe.steps
    base, apex = with_lv[0], with_lv[-1] + 0.5
    share = (wanted - max(_base(es) - _base(ed), 0.0)) / (apex - base + 0.5)
    if share <= 0:
        return ed, es
    slices = np.arange(es.shape[1])
    thickness = 1.0 / (1.0 - share)  # of a slice, before
    place = np.where(slices < apex, apex - (apex - slices) * thickness, slices)
    cover = np.clip((place + 0.5 * thickness - (base - 0.5)) / thickness, 0.0, 1.0)
    return ed, _leave(_between_slices(es, np.maximum(place, base)), cover)


def hypertrophic(ed, es, recipe):
    """The wall is ``amount`` times as thick everywhere and at both phases, most of it at the expense of the cavity.

    Hypertrophic hearts have walls of 15 mm and more at ED against 6 to 10, small cavities and high EFs (Elliott et
    al., Eur Heart J 2014;35:2733). The smaller the cavity, the more of it goes outwards, so that none closes.
    """
    return _thickened(ed, recipe.amount), _thickened(es, recipe.amount)


def dilated(ed, es, recipe):
    """The cavity's radius is ``amount`` times as large at ED; both phases move out as far, each muscle area stays.

    Dilated hearts are large, thin-walled and eject a smaller share (Pinto et al., Eur Heart J 2016;37:1850): the same
    way outwards at both phases lowers the EF. Cavities less than half as wide as at ED move out in proportion. The
    RV is moved outwards by as much as the epicardial contour.
    """
    ed_radius, es_radius = (np.sqrt((frame[0] > 0).sum(axis=(1, 2)) / np.pi) for frame in (ed, es))
    ed_out = (recipe.amount - 1.0) * ed_radius
    es_out = (recipe.amount - 1.0) * np.where(ed_radius > 0, np.minimum(ed_radius, 2.0 * es_radius), es_radius)
    return _widened(ed, ed_out), _widened(es, es_out)


def infarcted(ed, es, recipe):
    """A sector of the wall, ``amount`` degrees wide about ``angle_deg``, stands still from ED to ES and is thinned.

    A segment without blood stops shortening (Tennant and Wiggers, Am J Physiol 1935;112:351) and its scar is thin
    (Pfeffer and Braunwald, Circulation 1990;81:1161): in the sector ES has the contours of ED, at both phases the
    cavity reaches 30 % into the wall, and the edges are smooth. Angles are about the LV's centroid (of ES, else ED)
    in each slice: 0 towards the next column, 90 towards the next row. All slices with an LV at ES have it.
    """
    weight = _sector(ed, es, recipe.angle_deg, recipe.amount)
    scarred = ed.copy()
    scarred[0] += weight * SCAR_THINNING * _wall(ed)
    beating = (es[0] > 0).any(axis=(1, 2)) & (ed[0] > 0).any(axis=(1, 2))
    still = es.copy()
    held = weight * beating[:, None, None]
    still[:2] += held * (scarred[:2] - es[:2])
    return _walled(scarred, ed), _rv_follows(_walled(still, es), es[1])


_MAKERS = {maker.__name__: maker for maker in (conserved, shortened, hypertrophic, dilated, infarcted)}


def _muscle(frame: np.ndarray) -> np.ndarray:
    return (frame[1] > 0) & (frame[0] <= 0)


def _wall(frame: np.ndarray) -> np.ndarray:
    """Thickness of the wall at each point, in pixels: how much further the epicardial contour is than the cavity's."""
    return np.maximum(frame[1] - frame[0], 0.0)


def _walled(frame: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The frame with its cavity held inside at least ``MINIMUM_WALL_PX`` of wall, or what there was ``before``."""
    frame[0] = np.minimum(frame[0], frame[1] - np.minimum(MINIMUM_WALL_PX, _wall(before)))
    return frame


def _rv_follows(frame: np.ndarray, epicardium: np.ndarray) -> np.ndarray:
    """The frame with its RV reaching the septum again where the epicardial contour moved in from ``epicardium``."""
    inwards = np.maximum(epicardium - frame[1], 0.0)
    frame[2] = np.maximum(frame[2], np.minimum(frame[2] + inwards, epicardium))
    return frame


def _rv_in_one(frame: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The frame without the small pieces that moved contours split from the RV; a slice keeps as many as ``before``."""
    visible, earlier = ((part[2] > 0) & (part[:2] <= 0).all(axis=0) for part in (frame, before))
    for index in np.flatnonzero(visible.any(axis=(1, 2))):
        pieces, count = label(visible[index], CORNERS_TOUCH)
        allowed = max(label(earlier[index], CORNERS_TOUCH)[1], 1)
        if count > allowed:
            smallest = np.argsort(np.bincount(pieces.ravel())[1:])[: count - allowed] + 1
            frame[2, index][np.isin(pieces, smallest)] = -0.5
    return frame


def _with_muscle(frame: np.ndarray, cavity: np.ndarray, pixels: int) -> np.ndarray:
    """The frame with another cavity and its epicardial contour offset so that the muscle has ``pixels`` pixels in all.

    Pixels are counted outside the cavity by their distance; those that share one (distances of masks are few) are
    ranked by it smoothed, so that dents fill first, then by place. The least wall about the cavity always counts.
    """
    thin = cavity + np.minimum(MINIMUM_WALL_PX, _wall(frame))
    distance = frame[1] + 1e-3 * gaussian_filter(frame[1].astype(float), (0, 1.5, 1.5))
    distance += np.linspace(0.0, 1e-6, distance.size).reshape(distance.shape)
    ranked = np.sort(np.where(thin > 0, np.inf, distance)[cavity <= 0])[::-1]
    last = min(pixels, len(ranked)) - 1
    beyond = ranked[last + 1] if last + 1 < len(ranked) else ranked[last] - 1.0
    least = ranked[np.isfinite(ranked)][0] if np.isinf(ranked[last]) else (ranked[last] + beyond) / 2
    moved = np.stack([cavity, np.maximum(distance - least, thin), frame[2]]).astype(frame.dtype)
    return _rv_follows(moved, frame[1])


def _thickened(frame: np.ndarray, factor: float) -> np.ndarray:
    """One frame with its wall thickened, in and out."""
    smooth = frame.shape[-1] / 20  # pixels; thickness measured from mask to mask is ragged
    more = (factor - 1.0) * gaussian_filter(_wall(frame), (0, smooth, smooth))
    inner = np.maximum(frame[0].max(axis=(-2, -1), keepdims=True), 0.1)  # radius of the largest circle in the cavity
    inwards = INWARDS * more * inner / (inner + INWARDS * more)
    return np.stack([frame[0] - inwards, frame[1] + more - inwards, frame[2]])


def _widened(frame: np.ndarray, out_px: np.ndarray) -> np.ndarray:
    """One frame with the cavity of each slice moved out by ``out_px`` pixels, muscle area kept and RV pushed."""
    widened = frame.copy()
    for index in np.flatnonzero(out_px > 0):
        one = frame[:, [index]]
        muscle = int(np.count_nonzero(_muscle(one)))
        if muscle:
            wider = _with_muscle(one, one[0] + out_px[index], muscle)
            wider[2] += max(np.median((wider[1] - one[1])[abs(one[1]) < 2]), 0.0)
            widened[:, [index]] = wider
    return widened


def _base(frame: np.ndarray) -> float:
    """Place of the base along the stack, in slices; a first slice with less LV than the second counts in part."""
    areas = (frame[0] > 0).sum(axis=(1, 2))
    first = np.flatnonzero(areas)[0]
    following = areas[first + 1] if first + 1 < len(areas) else 0
    return first + 0.5 - (min(1.0, areas[first] / following) if following else 1.0)


def _between_slices(frame: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Distances at fractional slice numbers, linearly."""
    lower = np.minimum(place.astype(int), frame.shape[1] - 1)
    upper = np.minimum(lower + 1, frame.shape[1] - 1)
    part = (place - lower)[:, None, None].astype(frame.dtype)
    return (1 - part) * frame[:, lower] + part * frame[:, upper]


def _leave(frame: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """The frame with each slice's heart shrunk to a share of its area, nothing where the share is almost 0."""
    for index in np.flatnonzero(cover < 1):
        if cover[index] < LEAST_COVER:
            frame[:, index] = -float(sum(frame.shape[-2:]))
        else:
            frame[:, [index]] = scale_distances(frame[:, [index]], float(np.sqrt(cover[index])))
    return frame


def _sector(ed: np.ndarray, es: np.ndarray, angle_deg: float, width_deg: float) -> np.ndarray:
    """Weight (slices, H, W) of a sector about each slice's LV centroid: 1 inside, 0 outside, 0.5 at its width."""
    rows, columns = np.mgrid[: ed.shape[-2], : ed.shape[-1]]
    weight = np.zeros(ed.shape[1:], ed.dtype)
    for index in range(ed.shape[1]):
        lv = next((frame[0, index] > 0 for frame in (es, ed) if (frame[0, index] > 0).any()), None)
        if lv is not None:
            row, column = center_of_mass(lv)
            away = np.degrees(np.arctan2(rows - row, columns - column)) - angle_deg
            away = abs((away + 180.0) % 360.0 - 180.0)
            ramp = np.clip((away - width_deg / 2) / SECTOR_EDGE_DEG + 0.5, 0.0, 1.0)
            weight[index] = 0.5 + 0.5 * np.cos(np.pi * ramp)
    return weight
