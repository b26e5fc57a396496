"""Whether masks can be what they are called: by what encloses what, slice by slice, and by the images that they lie on.

Limits are set wide of what drawn masks of two public datasets show (``data/results/readers/contents.csv``).
"""

from itertools import permutations, product

import numpy as np
from scipy.ndimage import binary_dilation

from cardiosynth.errors import InputError
from cardiosynth.volumes import LABELS, LV, MYOCARDIUM, RV

NAMES = {number: {"rv": "RV", "lv": "LV"}.get(name, name) for name, number in LABELS.items()}
ENCLOSED, MOSTLY = 0.9, 0.75  # shares of a border
BETTER, BRIGHTER = 1.05, 1.05  # ratios of brightness
DIP = 0.3  # of the smaller neighbour's area
RING_PX = (1, 4)  # about a cavity whose muscle was not drawn
PHASES = ("ED", "ES")
AS_DRAWN = "as drawn"
TURNS = {AS_DRAWN: (0, 0, 0, 0), "with ED and ES exchanged": (1, 0, 0, 0)} | {
    " and ".join(f"with the {name} reversed" for name, on in zip(("slices", "rows", "columns"), turn) if on): (0, *turn)
    for turn in product((0, 1), repeat=3) if any(turn)
}  # fmt: skip


def doubts(images: np.ndarray, masks: np.ndarray, where) -> list[str]:
    """What speaks against the masks of a heart, a phrase each. images, masks: (slices, 2, H, W), base to apex.

    Raises InputError, which starts with ``where``, when another structure than the LV is the one that myocardium encloses.
    """
    return [*_borders(masks, where), *gaps(masks), *_same(images, masks), *_misfits(images, masks)]


def gaps(masks: np.ndarray) -> list[str]:
    """Slices in which the LV is not drawn, or hardly, though it is on both sides. masks: (slices, 2, H, W)."""
    phrases = []
    for phase, name in enumerate(PHASES):
        areas = (masks[:, phase] == LV).sum(axis=(1, 2))
        drawn = np.flatnonzero(areas)
        for row in range(drawn[0] + 1, drawn[-1]) if len(drawn) else ():
            place = f"slice {row + 1} of {len(masks)} at {name}"
            if not areas[row]:
                phrases.append(f"no LV drawn in {place}, between slices with LV, so the volume of the masks is too small")
            elif areas[row] < DIP * min(areas[row - 1], areas[row + 1]):
                phrases.append(f"hardly any LV drawn in {place}: {areas[row]} pixels between {areas[row - 1]} and {areas[row + 1]}")
    return phrases


def border_shares(masks: np.ndarray) -> np.ndarray:
    """(4, 4): of the neighbours in the plane that a label's pixels have of other labels, the share that each label makes up."""
    count = np.zeros((4, 4))
    for one, other in ((masks[..., :-1, :], masks[..., 1:, :]), (masks[..., :-1], masks[..., 1:])):
        differ = one != other
        count += np.bincount(4 * one[differ].astype(int) + other[differ], minlength=16).reshape(4, 4)
    count += count.T
    return count / np.maximum(count.sum(axis=1, keepdims=True), 1)


def brightness(images: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Mean grey under the LV over that under muscle, for the masks as drawn and for each of TURNS; empty without either.

    Muscle is the myocardium or, where none is drawn, a ring about the LV.
    """
    places = [np.nonzero(masks == LV), np.nonzero(_muscle(masks))]
    if not all(len(place[0]) for place in places):
        return {}
    return {how: _ratio(images, places, turn) for how, turn in TURNS.items()}


def _borders(masks: np.ndarray, where) -> list[str]:
    shares = border_shares(masks)
    if not shares[MYOCARDIUM].any():
        return ["no myocardium drawn, so which label is the LV cannot be checked"] if shares[RV].any() else []
    share = shares[LV, MYOCARDIUM]
    if share >= MOSTLY:
        return []
    inner, outer = max(permutations((RV, MYOCARDIUM, LV), 2), key=lambda pair: shares[pair])
    if shares[inner, outer] >= ENCLOSED:
        raise InputError(
            f"{where}: the border of what is called LV is myocardium for {100 * share:.0f} %, but that of what is called {NAMES[inner]} is "
            f"{NAMES[outer]} for {100 * shares[inner, outer]:.0f} %, so the labels are exchanged; "
            "expected those of this layout, so relabel the mask"
        )
    return [f"the border of the LV is myocardium for {100 * share:.0f} % only (99 % and more is usual); are the labels right?"]


def _same(images: np.ndarray, masks: np.ndarray) -> list[str]:
    what = [name for name, stack in (("images", images), ("masks", masks)) if np.array_equal(stack[:, 0], stack[:, 1])]
    return [f"the {' and '.join(what)} of ED and ES are the same"] if what else []


def _misfits(images: np.ndarray, masks: np.ndarray) -> list[str]:
    """Blood is brighter than muscle, and most so where the masks lie right: not reversed in any axis, ED on ED."""
    ratios = brightness(images, masks)
    if not ratios:
        return []
    how, own = max(ratios, key=ratios.get), ratios[AS_DRAWN]
    if ratios[how] > BETTER * own:
        return [f"the masks fit the images better {how}: blood is {ratios[how]:.2f} times as bright as muscle then, {own:.2f} times as they are"]
    if own < BRIGHTER:
        return [f"blood is {own:.2f} times as bright as muscle under the masks (1.2 and more is usual); do they belong to these images?"]
    return []


def _muscle(masks: np.ndarray) -> np.ndarray:
    """Where myocardium is drawn or, where it is nowhere, a ring about the LV."""
    drawn = masks == MYOCARDIUM
    if drawn.any():
        return drawn
    near, far = (binary_dilation(masks == LV, np.ones((1, 1, 3, 3), bool), iterations=width) for width in RING_PX)
    return far & ~near


def _ratio(images: np.ndarray, places: list[tuple], turn: tuple[int, int, int, int]) -> float:
    """Mean grey under the LV over that under muscle, the masks turned: phases exchanged, slices, rows, columns reversed."""
    means = []
    for slices, phases, rows, columns in places:
        at = [axis if not on else length - 1 - axis for axis, on, length in
              zip((phases, slices, rows, columns), turn, (2, len(images), *images.shape[2:]))]
        means.append(float(images[at[1], at[0], at[2], at[3]].mean()))
    return means[0] / means[1] if means[1] > 0 else 1.0
