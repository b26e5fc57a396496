"""A short-axis cine from DICOM files: every slice where it truly lies, every frame when it was taken.

File numbers, SliceLocation, SliceThickness and SpacingBetweenSlices are not to be trusted in public data. A slice
lies where ImagePositionPatient puts it along the normal of ImageOrientationPatient, and a frame is ordered by its
TriggerTime (by its InstanceNumber where there is none).
"""

from collections import Counter
from pathlib import Path

import numpy as np

from cardiosynth.cine import Cine
from cardiosynth.datasets.dicom_frame import Frame, header, pixels
from cardiosynth.errors import InputError

APEX_DIRECTION = (0.6, -0.6, -0.5)  # from base to apex in patient coordinates: left, front, foot
SAME_POSITION_MM = 0.5
NEAR_REPEAT, MISSING_SLICE = 0.6, 1.5  # times the median gap
FEW = 0.25  # share of the slices that may be set aside
STACK = 3  # slices that make a series a stack of its own


def read_series(paths: list[Path], name: str) -> Cine:
    """The cine that the files hold: frames (slices, phases, H, W), base to apex, by trigger time.

    Raises InputError naming the scan or the file where it cannot be one stack of slices with equal frame counts.
    """
    return read_placed(paths, name)[0]


def read_placed(paths: list[Path], name: str) -> tuple[Cine, dict[Path, tuple[int, int]]]:
    """The cine, and the slice and phase in it of each file that was used. Raises as ``read_series``."""
    frames = [header(path, order) for order, path in enumerate(paths)]
    if not frames:
        raise InputError(f"{name}: no DICOM files; is the download complete?")
    mended: list[str] = []
    frames = _one_plane(frames, name, mended)
    direction = _towards_apex(frames[0].axes, mended)
    slices = _locations(frames, direction)
    _refuse_two_stacks(slices, name)
    slices = _without_repeats(slices, mended)
    slices = _without_near_repeats(slices, direction, name, mended)
    positions = np.array([_position(location, direction) for location in slices])
    gap_mm = _gap(positions, name)
    _refuse_unequal(slices, positions, name)
    slices = [_by_time(location, name) for location in slices]
    images = np.stack([np.stack([pixels(frame) for frame in location]) for location in slices])
    cine = Cine(name, images, frames[0].spacing_mm, gap_mm, positions, tuple(mended))
    return cine, {frame.path: (row, phase) for row, location in enumerate(slices) for phase, frame in enumerate(location)}


def _one_plane(frames: list[Frame], name: str, mended: list[str]) -> list[Frame]:
    """The frames of the commonest plane; a few slices of others are set aside, more are a second acquisition."""
    planes: list[list[Frame]] = []
    for frame in frames:
        home = next((plane for plane in planes if plane[0].same_plane(frame)), None)
        planes.append([frame]) if home is None else home.append(frame)
    counts = [len(_locations(plane, _normal(plane[0].axes))) for plane in planes]
    main = int(np.argmax(counts))
    strays = sum(counts) - counts[main]
    if strays > FEW * sum(counts):
        found = " and ".join(f"{count} slices like {_file(plane[0])}" for count, plane in
                             sorted(zip(counts, planes), key=lambda pair: -pair[0])[:2])
        raise InputError(f"{name}: holds two acquisitions mixed ({found}, which differ in orientation, matrix or pixel size); "
                         "keep one of them in the folder")
    if strays:
        mended.append(f"{_count(strays, 'stray slice')} of another orientation or matrix left out")
    return planes[main]


def _normal(axes) -> np.ndarray:
    normal = np.cross(axes[:3], axes[3:])
    return normal / max(np.linalg.norm(normal), 1e-9)


def _towards_apex(axes, mended: list[str]) -> np.ndarray:
    """The unit normal that points from base to apex: in a patient the apex lies left, in front of and below the base."""
    normal = _normal(axes)
    along = float(np.dot(normal, APEX_DIRECTION))
    if abs(along) < 0.3:
        mended.append("orientation unlike a short axis, so base and apex may be exchanged")
    return normal if along >= 0 else -normal


def _position(location: list[Frame], direction) -> float:
    return float(np.median([frame.on(direction) for frame in location]))


def _locations(frames: list[Frame], direction) -> list[list[Frame]]:
    """Frames grouped by position, the positions rising."""
    groups: list[list[Frame]] = []
    for frame in sorted(frames, key=lambda frame: (frame.on(direction), frame.order)):
        if groups and frame.on(direction) - groups[-1][0].on(direction) < SAME_POSITION_MM:
            groups[-1].append(frame)
        else:
            groups.append([frame])
    return groups


def _refuse_two_stacks(slices: list[list[Frame]], name: str) -> None:
    """Two series that cover the same heart at other positions cannot be one stack."""
    rows: dict[tuple, set] = {}
    for row, location in enumerate(slices):
        for frame in location:
            rows.setdefault(frame.series, set()).add(row)
    stacks = sorted((series, found) for series, found in rows.items() if len(found) >= STACK)
    for (first, one), (second, two) in zip(stacks, stacks[1:]):
        overlap = min(max(one), max(two)) - max(min(one), min(two))
        if overlap > 1 and len(one & two) < min(len(one), len(two)) / 2:
            raise InputError(f"{name}: holds two acquisitions mixed (series {first[0]} with {len(one)} slices and series {second[0]} with "
                             f"{len(two)} slices between them); keep one of them in the folder")


def _without_repeats(slices: list[list[Frame]], mended: list[str]) -> list[list[Frame]]:
    """One acquisition for each location: the last that has as many frames as most have."""
    runs = [_runs(location) for location in slices]
    usual = _commonest([len(run) for location in runs for run in location])
    kept = [max(location, key=lambda run: (len(run) == usual, _age(run))) for location in runs]
    repeated = sum(len(location) > 1 for location in runs)
    if repeated:
        mended.append(f"{_count(repeated, 'repeated slice location')}: last series kept")
    return kept


def _runs(location: list[Frame]) -> list[list[Frame]]:
    found: dict[tuple, list[Frame]] = {}
    for frame in location:
        found.setdefault(frame.series, []).append(frame)
    return list(found.values())


def _age(run: list[Frame]) -> tuple:
    """Larger for what was acquired later: the series number, then the order of the files."""
    return run[0].series[0], max(frame.order for frame in run)


def _without_near_repeats(slices, direction, name: str, mended: list[str]) -> list[list[Frame]]:
    """Of two slices much closer than the others, as after a repeated breath-hold, the later acquired one."""
    slices, dropped = list(slices), 0
    gap_mm = float(np.median(np.diff([_position(location, direction) for location in slices]))) if len(slices) > 1 else 0.0
    while len(slices) > 1:
        gaps = np.diff([_position(location, direction) for location in slices])
        row = int(gaps.argmin())
        if gaps[row] >= NEAR_REPEAT * gap_mm:
            break
        del slices[row if _age(slices[row]) <= _age(slices[row + 1]) else row + 1]
        dropped += 1
    if dropped > FEW * (len(slices) + dropped):
        raise InputError(f"{name}: holds two acquisitions mixed ({dropped} slices lie much closer to the next than the median of "
                         f"{gap_mm:.1f} mm); keep one of them in the folder")
    if dropped:
        mended.append(f"{_count(dropped, 'nearly repeated slice location')}: last series kept")
    return slices


def _gap(positions: np.ndarray, name: str) -> float:
    """The distance (mm) between slices. Raises InputError for a single slice and for a gap in the stack."""
    if len(positions) < 2:
        raise InputError(f"{name}: one slice location only; expected a short-axis stack")
    gaps = np.diff(positions)
    gap_mm, row = float(np.median(gaps)), int(gaps.argmax())
    if gaps[row] >= MISSING_SLICE * gap_mm:
        raise InputError(f"{name}: a slice is missing between {positions[row]:.1f} mm and {positions[row + 1]:.1f} mm along the stack "
                         f"({gaps[row]:.1f} mm apart where {gap_mm:.1f} mm is usual); is the download complete?")
    return gap_mm


def _refuse_unequal(slices: list[list[Frame]], positions: np.ndarray, name: str) -> None:
    counts = [len(location) for location in slices]
    usual = _commonest(counts)
    odd = [(location, position) for location, position in zip(slices, positions) if len(location) != usual]
    if odd:
        location, position = odd[0]
        raise InputError(f"{name}: {_count(len(odd), 'slice')} of {len(slices)} with another number of frames, first at {position:.1f} mm "
                         f"({_file(location[0])}): {len(location)} where {usual} are usual; "
                         "is the download complete?")


def _by_time(location: list[Frame], name: str) -> list[Frame]:
    times = [frame.time_ms for frame in location]
    if None in times or len(set(times)) == 1:
        times = [frame.instance for frame in location]
    if len(location) > 1 and len(set(times)) <= len(location) / 2:
        raise InputError(f"{name}: holds two acquisitions mixed ({_file(location[0])} is one of {len(location)} frames at one slice "
                         f"with {_count(len(set(times)), 'trigger time')}); keep one of them in the folder")
    return [location[at] for at in sorted(range(len(location)), key=lambda at: (times[at], location[at].instance, location[at].order))]


def _file(frame: Frame) -> str:
    return f"{frame.path.parent.name}/{frame.path.name}"


def _commonest(counts: list[int]) -> int:
    """The commonest number; of equally common ones the larger."""
    return max(Counter(counts).items(), key=lambda item: (item[1], item[0]))[0]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number > 1)}"
