"""Which images are slices of the one stack, and which are of other planes (localisers, long axes, another matrix) or were taken again."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from cardiosynth.data.readers.dicom_files import file_of
from cardiosynth.data.readers.dicom_frame import Frame, Stray
from cardiosynth.data.readers.dicom_kinds import counted
from cardiosynth.data.readers.dicom_times import all_differ
from cardiosynth.study.errors import InputError

SAME_POSITION_MM, WOBBLE_MM = 0.5, 1.0  # of any two images; of images that together are one run of frames
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
    return _without_wobble(groups, direction)


def _without_wobble(groups: list[list[Frame]], direction) -> list[list[Frame]]:
    """Groups of one series that lie within WOBBLE_MM, and of which no two frames have one time, are one slice."""
    slices = groups[:1]
    for group in groups[1:]:
        near = group[-1].on(direction) - slices[-1][0].on(direction) < WOBBLE_MM
        if near and len({frame.acquisition for frame in slices[-1] + group}) == 1 and all_differ(slices[-1] + group):
            slices[-1] = slices[-1] + group
        else:
            slices.append(group)
    return slices


def one_plane(frames: list[Frame], name: str, mended: list[str]) -> tuple[list[Frame], list[Stray]]:
    """The frames of the plane with most slices that move, and what is left out and may be a slice of the stack.

    Other views of fewer than STACK parallel slices and single images beside a cine are set aside. So are a few strays of the
    stack's own orientation, or near it; more of them are a second acquisition. Raises InputError naming the scan and a file of each.
    """
    planes = [locations(plane, plane[0].tilt) for plane in _planes(frames)]
    planes.sort(key=lambda slices: (-sum(len(location) > 1 for location in slices), -len(slices)))
    main, *others = planes
    main, stills, beside = _without_stills(main)
    views = [slices for slices in others if _another_view(slices, main)]
    single = [slices for slices in others if slices not in views and _moves(main) and not _moves(slices)]
    strays = [slices for slices in others if slices not in views and slices not in single]
    _refuse_many(main, strays, name)
    for count, what, where in (
        (sum(map(len, views)), "slice", "of another view (localiser or long axis)"),
        (sum(map(len, single)) + stills, "single image", "beside the cine"),
    ):
        if count:
            mended.append(f"{counted(count, what)} {where} left out")
    left_out = [location[0] for slices in strays for location in slices]
    if left_out:
        mended.append(f"{counted(len(left_out), 'stray slice')} of another {_difference(main[0][0], left_out)} left out")
    strays = [Stray(frame.path, frame.origin, "differs in orientation, matrix or pixel size") for frame in left_out]
    return [frame for location in main for frame in location], strays + beside


def _without_stills(main: list[list[Frame]]) -> tuple[list[list[Frame]], int, list[Stray]]:
    """The slices without the series that hold one image at each of several places, as late enhancement and maps do, where
    others are cines; the number of those images, and those of series that lie wholly beside the cine."""
    series: dict[tuple, list[list[Frame]]] = {}
    for location in main:
        for key, frames in _grouped(location, lambda frame: frame.acquisition).items():
            series.setdefault(key, []).append(frames)
    still = {key for key, places in series.items() if len(places) > 1 and all(len(frames) == 1 for frames in places)}
    kept = [left for location in main if (left := [frame for frame in location if frame.acquisition not in still])]
    if not still or sum(len(location) > 1 for location in kept) < max(STACK, len(main) / 2):
        return main, 0, []
    covered = {frame.acquisition for location in main if any(frame.acquisition not in still for frame in location) for frame in location}
    images = [frame for location in main for frame in location if frame.acquisition in still]
    return kept, len(images), [Stray(frame.path, frame.origin, "is a single image") for frame in images if frame.acquisition not in covered]


def _grouped(frames: list[Frame], key) -> dict:
    groups: dict = {}
    for frame in frames:
        groups.setdefault(key(frame), []).append(frame)
    return groups


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
    return sum(len(location) > 1 for location in slices) > len(slices) / 2


def _refuse_many(main: list[list[Frame]], strays: list[list[list[Frame]]], name: str) -> None:
    count = sum(map(len, strays))
    if count > FEW * (count + len(main)):
        both = " and ".join(f"{len(slices)} slices like {file_of(slices[0][0].path)}" for slices in (main, strays[0]))
        raise InputError(
            f"{name}: holds two acquisitions mixed ({both}, which differ in "
            f"{_difference(main[0][0], [strays[0][0][0]], ' and ')}); keep one of them in the folder"
        )


def _difference(frame: Frame, others: list[Frame], joint: str = " or ") -> str:
    """In what the others differ."""
    differences = {
        "orientation": not all(frame.same_axes(other) for other in others),
        "matrix": any(frame.shape != other.shape for other in others),
        "pixel size": not all(frame.same_spacing(other) for other in others),
    }
    return joint.join(what for what, differs in differences.items() if differs)


def without_repeats(slices: list[list[Frame]], mended: list[str], doubts: list[str]) -> list[list[Frame]]:
    """One acquisition for each location: the magnitude with as many frames as most have, the last of several.

    What is left out is added to ``mended``, or to ``doubts`` where it is much.
    """
    runs = [_runs(location) for location in slices]
    if all(len(run) == 1 for location in runs for run in location):
        return _joined(runs, doubts)
    usual = commonest([len(run) for location in runs for run in _best(location)])
    kept = [max(location, key=lambda run: (len(run) > 1, _rank(run) < 2, len(run) == usual, -_rank(run), age(run))) for location in runs]
    reasons = Counter(_reason(run, location) for run, location in zip(kept, runs) if len(location) > 1)
    for reason, count in reasons.items():
        much = count > FEW * len(slices) and not reason.endswith("left out")
        (doubts if much else mended).append(f"{counted(count, 'repeated slice location')}: {reason}")
    return kept


def _best(location: list[list[Frame]]) -> list[list[Frame]]:
    """The cines of a location that are magnitude, or what there is."""
    moving = [run for run in location if len(run) > 1] or location
    return [run for run in moving if _rank(run) == min(map(_rank, moving))]


def _rank(run: list[Frame]) -> int:
    """0 for what the scanner took, 1 for what was made of it, 2 for the other parts of a complex image."""
    return 0 if not run[0].part else 1 if run[0].part in ("derived image", "annotated image") else 2


def _reason(kept: list[Frame], location: list[list[Frame]]) -> str:
    """Why a run was kept among those of its location."""
    peers = [run for run in location if _rank(run) <= _rank(kept)]
    if len(peers) == 1:
        return " and ".join(sorted({f"{run[0].part}s" for run in location if run is not kept})) + " left out"
    return "last series kept" if kept is max(peers, key=age) else f"the one with {len(kept)} frames kept"


def _runs(location: list[Frame]) -> list[list[Frame]]:
    """The acquisitions at one location. Folders of one series are one where their times differ: a folder for each phase, say."""
    parts = [run for frames in _grouped(location, lambda frame: frame.acquisition).values() for run in _by_part(frames)]
    return [run for frames in parts for run in ([frames] if all_differ(frames) else _grouped(frames, lambda frame: frame.series).values())]


def _by_part(frames: list[Frame]) -> list[list[Frame]]:
    """Magnitude, phase and what was derived, where a series holds about as much of each at the same times."""
    parts, times = list(_grouped(frames, lambda frame: frame.part).values()), {frame.time_ms for frame in frames}
    alone = (None not in times and len(times) == len(frames)) or min(map(len, parts)) < max(map(len, parts)) / 4
    return [frames] if alone else parts


def _joined(runs: list[list[list[Frame]]], doubts: list[str]) -> list[list[Frame]]:
    """The frames of a cine that came as one series, or folder, for each phase."""
    most = max(map(len, runs))
    if most == 1:
        return [run for location in runs for run in location]
    slices = [sorted((frame for (frame,) in _best(location)), key=_folder_order) for location in runs]
    timed = all(map(all_differ, slices))
    how = "times" if timed else "series and folders, as no times tell it"
    doubts.append(f"{most} series of single images joined as the phases of one cine, in the order of their {how}")
    if timed:
        return slices
    return [[replace(frame, time_ms=None, instance=number) for number, frame in enumerate(location)] for location in slices]


def _folder_order(frame: Frame) -> tuple:
    """Series by number, then folders by the numbers in their names."""
    number, folder, _ = frame.series
    return number, [(text, int(digits or 0)) for text, digits in re.findall(r"(\D+)(\d*)", folder)], frame.order


def age(run: list[Frame]) -> tuple:
    """Larger for what was acquired later: the series number, then the order of the files."""
    return run[0].series[0], max(frame.order for frame in run)


def commonest(counts: list[int]) -> int:
    """The commonest number; of equally common ones the larger."""
    return max(Counter(counts).items(), key=lambda item: (item[1], item[0]))[0]
