"""Which images are slices of the one stack, and which are of other planes: localisers, long axes, another matrix."""

import numpy as np

from cardiosynth.datasets.dicom_frame import Frame
from cardiosynth.datasets.dicom_kinds import counted
from cardiosynth.errors import InputError

SAME_POSITION_MM = 0.5
FEW = 0.25  # share of the slices that may be set aside
STACK = 3  # slices that make a series a stack of its own
TILTED = np.cos(np.radians(20))  # slices that were planned anew lie less than this apart, other views more


def locations(frames: list[Frame], direction) -> list[list[Frame]]:
    """Frames grouped by position, the positions rising."""
    groups: list[list[Frame]] = []
    for frame in sorted(frames, key=lambda frame: (frame.on(direction), frame.order, frame.at)):
        if groups and frame.on(direction) - groups[-1][0].on(direction) < SAME_POSITION_MM:
            groups[-1].append(frame)
        else:
            groups.append([frame])
    return groups


def one_plane(frames: list[Frame], name: str, mended: list[str]) -> tuple[list[Frame], list[Frame]]:
    """The frames of the plane with most slices that move, and one frame of each stray slice beside them.

    Other views of fewer than STACK parallel slices and single images beside a cine are set aside. So are a few strays of the
    stack's own orientation, or near it; more of them are a second acquisition. Raises InputError naming the scan and a file of each.
    """
    planes = [locations(plane, plane[0].tilt) for plane in _planes(frames)]
    planes.sort(key=lambda slices: (-sum(len(found) > 1 for found in slices), -len(slices)))
    main, *others = planes
    views = [slices for slices in others if _another_view(slices, main)]
    single = [slices for slices in others if slices not in views and _moves(main) and not _moves(slices)]
    strays = [slices for slices in others if slices not in views and slices not in single]
    _refuse_many(main, strays, name)
    for found, what, where in ((views, "slice", "of another view (localiser or long axis)"), (single, "single image", "beside the cine")):
        if found:
            mended.append(f"{counted(sum(map(len, found)), what)} {where} left out")
    left_out = [found[0] for slices in strays for found in slices]
    if left_out:
        mended.append(f"{counted(len(left_out), 'stray slice')} of another {_difference(main[0][0], left_out)} left out")
    return [frame for found in main for frame in found], left_out


def _planes(frames: list[Frame]) -> list[list[Frame]]:
    planes: list[list[Frame]] = []
    for frame in frames:
        home = next((plane for plane in planes if plane[0].same_plane(frame)), None)
        planes.append([frame]) if home is None else home.append(frame)
    return planes


def _another_view(slices: list[list[Frame]], main: list[list[Frame]]) -> bool:
    return len(slices) < STACK and abs(float(slices[0][0].tilt @ main[0][0].tilt)) < TILTED


def _moves(slices: list[list[Frame]]) -> bool:
    """Whether most slices are cines."""
    return sum(len(found) > 1 for found in slices) > len(slices) / 2


def _refuse_many(main: list[list[Frame]], strays: list[list[list[Frame]]], name: str) -> None:
    count = sum(map(len, strays))
    if count > FEW * (count + len(main)):
        found = " and ".join(f"{len(slices)} slices like {file_of(slices[0][0])}" for slices in (main, strays[0]))
        raise InputError(f"{name}: holds two acquisitions mixed ({found}, which differ in "
                         f"{_difference(main[0][0], [strays[0][0][0]], ' and ')}); keep one of them in the folder")


def _difference(frame: Frame, others: list[Frame], joint: str = " or ") -> str:
    """In what the others differ."""
    found = {"orientation": not all(frame.same_axes(other) for other in others),
             "matrix": any(frame.shape != other.shape for other in others),
             "pixel size": not all(frame.same_spacing(other) for other in others)}
    return joint.join(what for what, differs in found.items() if differs)


def file_of(frame: Frame) -> str:
    """The file of a frame with its folder, as sentences name it."""
    return f"{frame.path.parent.name}/{frame.path.name}"
