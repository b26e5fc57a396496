"""Whether masks can be what they are called: by what encloses what, slice by slice, and by the images that they lie on.

Each phase is asked alone. Limits are set wide of what drawn masks of two public datasets show (``data/results/readers/contents.csv``).
"""

from functools import cache
from itertools import permutations, product

import numpy as np
from scipy.ndimage import binary_dilation

from cardiosynth.data.volumes import LABELS, LV, MYOCARDIUM, RV
from cardiosynth.study.errors import InputError

NAMES = {number: {"rv": "RV", "lv": "LV"}.get(name, name) for name, number in LABELS.items()}
PHASES = ("ED", "ES")
ENCLOSED, MOSTLY = 0.9, 0.8  # shares of a border; two basal slices drawn open leave 0.8
BETTER, MOVED_BETTER, BRIGHTER = 1.05, 1.15, 1.05  # ratios of brightness
CLEARLY = 0.02  # of a correlation
SCALES = 2.0  # of the spread of greys between ED and ES, of which one scan has 0.9 to 1.1
DIP, ED_ALONE, ES_ALONE = 0.3, 0.45, 2  # share of the smaller neighbour's area; share and number of slices with LV at one phase alone
RING_PX, RIM_PX = (1, 4), 6  # about a cavity whose muscle was not drawn; about all that is drawn
MOST_VOXELS = 500  # of a structure, that its brightness is asked of
MOVES_PX = (-12, -6, 0, 6, 12)
AS_DRAWN, EXCHANGED = "as drawn", "with ED and ES exchanged"
AXES = ("slices", "rows", "columns")


def doubts(images: np.ndarray, masks: np.ndarray, where) -> list[str]:
    """What speaks against the masks of a heart, a phrase each. images, masks: (slices, 2, H, W), base to apex.

    Raises InputError, which starts with ``where``, when another structure than the LV is the one that myocardium encloses.
    """
    return [*_borders(masks[_box(masks)], where), *gaps(masks), *beside(images, masks)]


def beside(images: np.ndarray, masks: np.ndarray) -> list[str]:
    """What speaks against masks on these images, whatever their labels enclose. Arguments as for ``doubts``."""
    return [*_same(images, masks), *odd_images(images), *_misfits(images, masks)]


def gaps(masks: np.ndarray) -> list[str]:
    """Slices in which the LV is not drawn, or hardly, though it is on both sides or at the other phase. masks: (slices, 2, H, W)."""
    phrases, areas = [], (masks == LV).sum(axis=(2, 3))
    for phase, name in enumerate(PHASES):
        area, rows = areas[:, phase], np.flatnonzero(areas[:, phase])
        for row in range(rows[0] + 1, rows[-1]) if len(rows) else ():
            place = f"slice {row + 1} of {len(masks)} at {name}"
            if not area[row]:
                phrases.append(f"no LV drawn in {place}, between slices with LV, so the volume of the masks is too small")
            elif area[row] < DIP * min(area[row - 1], area[row + 1]):
                phrases.append(f"hardly any LV drawn in {place}: {area[row]} pixels between {area[row - 1]} and {area[row + 1]}")
    alone = [int(((areas[:, one] > 0) & (areas[:, other] == 0)).sum()) for one, other in ((0, 1), (1, 0))]
    if alone[0] > ED_ALONE * (areas[:, 0] > 0).sum() or alone[1] >= ES_ALONE:
        phrases.append(f"{alone[0]} slices have an LV at ED alone and {alone[1]} at ES alone; is one phase drawn in part?")
    return phrases


def border_shares(masks: np.ndarray) -> np.ndarray:
    """(4, 4): of the neighbours in the plane that a label's pixels have of other labels, the share that each label makes up."""
    count = np.zeros((4, 4))
    for one, other in ((masks[..., :-1, :], masks[..., 1:, :]), (masks[..., :-1], masks[..., 1:])):
        differ = one != other
        count += np.bincount(4 * one[differ].astype(int) + other[differ], minlength=16).reshape(4, 4)
    count += count.T
    return count / np.maximum(count.sum(axis=1, keepdims=True), 1)


def brightness(images: np.ndarray, masks: np.ndarray, phase: int) -> dict[str, float]:
    """Mean grey under the LV over that under muscle at one phase, above the darkest: for the masks as drawn, reversed, their rows and
    columns exchanged where they are equal in number, moved, and on the other phase's images; empty without either.

    Muscle is the myocardium or, where none is drawn, a ring about the LV.
    """
    box = _box(masks)
    drawn, corner = masks[box][:, phase], (0, box[2].start, box[3].start)
    places = [np.argwhere(where) for where in (drawn == LV, _muscle(drawn))]
    if not all(map(len, places)):
        return {}
    places = [place[:: max(1, len(place) // MOST_VOXELS)].T + np.reshape(corner, (3, 1)) for place in places]
    image, turns = images[:, phase], _turns(images[:, phase].shape)
    blood, muscle = (_greys(image, _turned(place, image.shape)) for place in places)
    here, there = (_greys(images[:, 1 - phase], place[None]) for place in places)
    return dict(zip(turns, _ratios(blood, muscle))) | {EXCHANGED: float(_ratios(here, there)[0])}


def _box(masks: np.ndarray) -> tuple[slice, ...]:
    """The part of a stack that holds all that is drawn and a rim, for what need not look further."""
    drawn = masks.max(axis=(0, 1))
    ends = [np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0)]
    return (slice(None), slice(None), *(slice(max(end[0] - RIM_PX, 0), end[-1] + RIM_PX + 1) if len(end) else slice(0, 0) for end in ends))


def _borders(masks: np.ndarray, where) -> list[str]:
    phrases = []
    for phase, name in enumerate(PHASES):
        shares = border_shares(masks[:, phase])
        share = shares[LV, MYOCARDIUM]
        inner, outer = max(permutations((RV, MYOCARDIUM, LV), 2), key=lambda pair: shares[pair])
        if share < MOSTLY and shares[inner, outer] >= ENCLOSED:
            raise InputError(
                f"{where}: at {name} the border of what is called LV is myocardium for {100 * share:.0f} %, but that of what is called "
                f"{NAMES[inner]} is {NAMES[outer]} for {100 * shares[inner, outer]:.0f} %, so the labels are exchanged; "
                "expected those of this layout, so relabel the mask"
            )
        if not shares[MYOCARDIUM].any():
            phrases.append(f"no myocardium drawn at {name}, so whether what is called LV is the LV cannot be checked")
        elif share < MOSTLY:
            phrases.append(f"the border of the LV is myocardium for {100 * share:.0f} % only at {name} (99 % is usual); are the labels right?")
    return phrases


def _same(images: np.ndarray, masks: np.ndarray) -> list[str]:
    what = [name for name, stack in (("images", images), ("masks", masks)) if np.array_equal(stack[:, 0], stack[:, 1])]
    return [f"the {' and '.join(what)} of ED and ES are the same"] if what else []


def odd_images(images: np.ndarray) -> list[str]:
    """What no scanner makes: images of one grey, a slice twice, an ES image that fits ED better when it is turned. (slices, 2, H, W)."""
    one_grey = np.argwhere(images.max(axis=(2, 3)) == images.min(axis=(2, 3)))
    phrases = [f"the image of slice {row + 1} of {len(images)} at {PHASES[phase]} is all of one grey" for row, phase in one_grey]
    twice = [row + 2 for row in range(len(images) - 1) if np.array_equal(images[row], images[row + 1])]
    if twice and not len(one_grey):
        phrases.append(f"slice {', '.join(map(str, twice))} of {len(images)} is the one before again, so the stack may be too long")
    coarse = images[..., ::4, ::4].astype(np.float64)
    return phrases + ([] if len(one_grey) else [*_other_scale(coarse), *_turned_es(coarse)])


def _other_scale(images: np.ndarray) -> list[str]:
    means, spreads = images.mean(axis=(0, 2, 3)), images.std(axis=(0, 2, 3))
    if spreads.max() <= SCALES * spreads.min() and abs(means[0] - means[1]) <= spreads.max():
        return []
    levels = " and ".join(f"those of {name} about {mean:.4g} (SD {spread:.4g})" for name, mean, spread in zip(PHASES, means, spreads))
    return [f"greys lie otherwise at ED and ES, {levels}; was one phase scaled otherwise?"]


def _turned_es(images: np.ndarray) -> list[str]:
    centred = images - images.mean(axis=(0, 2, 3), keepdims=True)
    size = np.sqrt((centred**2).sum(axis=(0, 2, 3)).prod())
    if not size:
        return []
    ed, es = centred[:, 0], centred[:, 1]
    turned = {how: np.flip(es, [axis for axis in range(3) if turn[axis]]) for how, turn in _reversals().items()}
    if ed.shape[1] == ed.shape[2]:
        turned["with rows and columns exchanged"] = es.transpose(0, 2, 1)
    alike = {how: float(np.vdot(ed, one) / size) for how, one in turned.items()}
    best = max(alike, key=alike.get)
    own = alike[AS_DRAWN]
    if not alike[best] > own + CLEARLY:
        return []
    return [f"the ES image fits the ED image better {best} (correlation {alike[best]:.2f}, {own:.2f} as it is)"]


def _misfits(images: np.ndarray, masks: np.ndarray) -> list[str]:
    """Blood is brighter than muscle, and most so where the masks lie right: not turned, not moved, ED on ED."""
    ratios = [brightness(images, masks, phase) for phase in (0, 1)]
    if not all(ratios):
        return []
    clear = bool((masks == MYOCARDIUM).any())
    phrases = [
        phrase
        for name, own in zip(PHASES, ratios)
        for phrase in _better(f"the masks of {name}", own, [how for how in own if how != EXCHANGED], clear)
    ]
    both = {how: float(np.sqrt(ratios[0][how] * ratios[1][how])) for how in (AS_DRAWN, EXCHANGED)}
    return phrases or _better("the masks", both, [EXCHANGED], clear)


def _better(what: str, ratios: dict[str, float], turns: list[str], clear: bool) -> list[str]:
    """A phrase where some turn makes blood brighter than the masks as drawn, or these do not. clear: whether muscle was drawn."""
    own, as_they_are = ratios[AS_DRAWN], f"{ratios[AS_DRAWN]:.2f} times as they are"
    gains = {how: ratios[how] / own / (1 if how == AS_DRAWN else BETTER if clear and "moved" not in how else MOVED_BETTER) for how in turns}
    best = max(gains, key=gains.get)
    if best != AS_DRAWN and gains[best] > 1:
        return [f"{what} fit the images better {best}: blood is {ratios[best]:.2f} times as bright as muscle then, {as_they_are}"]
    if AS_DRAWN in turns and own < BRIGHTER:
        return [f"blood is {own:.2f} times as bright as muscle under {what} (1.2 and more is usual); do they belong to these images?"]
    return []


def _muscle(mask: np.ndarray) -> np.ndarray:
    """Where myocardium is drawn or, where it is nowhere, a ring about the LV."""
    drawn = mask == MYOCARDIUM
    if drawn.any():
        return drawn
    near, far = (binary_dilation(mask == LV, np.ones((1, 3, 3), bool), iterations=width) for width in RING_PX)
    return far & ~near


@cache
def _reversals() -> dict[str, tuple[int, ...]]:
    """How it is called -> which of slices, rows and columns run backwards."""
    return {" and ".join(f"with the {name} reversed" for name, on in zip(AXES, turn) if on) or AS_DRAWN: turn for turn in product((0, 1), repeat=3)}


@cache
def _turns(shape: tuple[int, ...]) -> dict[str, tuple]:
    """How it is called -> (axes to be reversed, whether rows and columns are exchanged, pixels by which both move)."""
    turns = {how: (turn, False, (0, 0)) for how, turn in _reversals().items()}
    if shape[1] == shape[2]:
        turns |= {
            f"with rows and columns exchanged{', then ' * (how != AS_DRAWN)}{how * (how != AS_DRAWN)}": (turn, True, (0, 0))
            for how, (turn, *_) in list(turns.items())
            if not turn[0]
        }
    return turns | {
        f"moved by {down} rows and {right} columns": ((0, 0, 0), False, (down, right)) for down, right in product(MOVES_PX, repeat=2) if down or right
    }


def _turned(place: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Where voxels (3, n) lie after each turn, (turns, 3, n); what would leave the image stays at its edge."""
    signs, offsets, exchanged = _steps(shape)
    return np.clip(place[exchanged] * signs + offsets, 0, np.array(shape)[:, None] - 1)


@cache
def _steps(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The turns as arrays: what each axis is multiplied by, what is added to it, and which axis it was."""
    turns = _turns(shape).values()
    signs = np.array([[-1 if back else 1 for back in backwards] for backwards, *_ in turns])[..., None]
    offsets = np.array([np.multiply(backwards, np.array(shape) - 1) + (0, *move) for backwards, _, move in turns])[..., None]
    return signs, offsets, np.array([[0, 2, 1] if other else [0, 1, 2] for _, other, _ in turns])


def _greys(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Mean grey above the darkest at places (turns, 3, n)."""
    return image[places[:, 0], places[:, 1], places[:, 2]].mean(axis=1) - float(image.min())


def _ratios(blood: np.ndarray, muscle: np.ndarray) -> np.ndarray:
    return np.divide(blood, muscle, out=np.ones_like(blood, float), where=muscle > 0)
