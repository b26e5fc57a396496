"""A short-axis cine from DICOM files: every slice where it truly lies, every frame when it was taken.

File numbers, SliceLocation, SliceThickness and SpacingBetweenSlices are not to be trusted in public data. A slice
lies where ImagePositionPatient puts it along the normal of ImageOrientationPatient, and a frame is ordered by its
TriggerTime (by its InstanceNumber where there is none).
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cardiosynth.cine import Cine
from cardiosynth.datasets.dicom_frame import Frame
from cardiosynth.datasets.dicom_images import images_of
from cardiosynth.datasets.dicom_kinds import counted
from cardiosynth.datasets.dicom_pixels import pixels
from cardiosynth.datasets.dicom_planes import FEW, STACK, file_of, locations, one_plane
from cardiosynth.datasets.dicom_register import moved, shifts_px
from cardiosynth.datasets.layout import APEX_DIRECTION
from cardiosynth.errors import InputError

NEAR_REPEAT, MISSING_SLICE = 0.6, 1.5  # times the median gap


class Place(NamedTuple):
    """Where a file's image went: slice and phase in the cine, and the whole pixels (rows, columns) by which it moved in the plane."""

    row: int
    phase: int
    shift_px: tuple[int, int] = (0, 0)


def read_series(paths: list[Path], name: str) -> Cine:
    """The cine that the files hold: frames (slices, phases, H, W), base to apex, by trigger time.

    Raises InputError naming the scan or the file where it cannot be one stack of slices with equal frame counts.
    """
    return read_placed(paths, name)[0]


def read_placed(paths: list[Path], name: str) -> tuple[Cine, dict[Path, Place]]:
    """The cine, and the place in it of each file that was used and holds one image. Raises as ``read_series``."""
    mended, doubts = [], []
    frames, strays = one_plane(images_of(paths, name, mended, doubts), name, mended)
    direction = _towards_apex(frames[0], doubts)
    slices = locations(frames, direction)
    _refuse_two_stacks(slices, name)
    slices = _without_repeats(slices, mended)
    slices = _without_near_repeats(slices, direction, name, mended)
    positions = np.array([_position(location, direction) for location in slices])
    strays = [(frame.on(direction), frame) for frame in strays]
    gap_mm = _gap(positions, strays, name)
    _doubt_ends(positions, gap_mm, strays, doubts)
    _refuse_unequal(slices, positions, name)
    slices = [_by_time(location, name) for location in slices]
    _doubt_mixtures(slices, doubts)
    shifts = shifts_px(slices, name, mended)
    cine = Cine(name, _images(slices, shifts), frames[0].spacing_mm, gap_mm, positions, tuple(mended), tuple(doubts))
    return cine, {frame.path: Place(row, phase, tuple(shifts[row, phase].tolist()))
                  for row, location in enumerate(slices) for phase, frame in enumerate(location)}


def _images(slices: list[list[Frame]], shifts: np.ndarray) -> np.ndarray:
    """(slices, phases, H, W); each file is opened once, however many images it holds."""
    files: dict[Path, list[Frame]] = {}
    for location in slices:
        for frame in location:
            files.setdefault(frame.path, []).append(frame)
    found = {}
    for path, frames in files.items():
        found |= {(path, frame.at): image for frame, image in zip(frames, pixels(path, frames))}
    return np.stack([np.stack([moved(found.pop((frame.path, frame.at)), shift) for frame, shift in zip(location, by)])
                     for location, by in zip(slices, shifts)])


def _towards_apex(frame: Frame, doubts: list[str]) -> np.ndarray:
    """The unit normal that points from base to apex: in a patient the apex lies left, in front of and below the base."""
    normal = frame.tilt
    along = float(np.dot(normal, APEX_DIRECTION))
    if abs(along) < 0.3:
        doubts.append("orientation unlike a short axis, so base and apex may be exchanged")
    return normal if along >= 0 else -normal


def _position(location: list[Frame], direction) -> float:
    return float(np.median([frame.on(direction) for frame in location]))


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
        mended.append(f"{counted(repeated, 'repeated slice location')}: last series kept")
    return kept


def _runs(location: list[Frame]) -> list[list[Frame]]:
    """The acquisitions at one location. Folders of one series are one where their times differ: a folder for each phase, say."""
    series: dict[tuple, list[Frame]] = {}
    for frame in location:
        series.setdefault(frame.series[::2] if frame.series[2] else frame.series, []).append(frame)
    return [run for frames in series.values() for run in ([frames] if _all_differ(_times(frames)) else _by_folder(frames))]


def _by_folder(frames: list[Frame]) -> list[list[Frame]]:
    folders: dict[tuple, list[Frame]] = {}
    for frame in frames:
        folders.setdefault(frame.series, []).append(frame)
    return list(folders.values())


def _times(location: list[Frame]) -> list[float]:
    """Trigger times, or instance numbers where those are not there or all the same."""
    times = [frame.time_ms for frame in location]
    return [frame.instance for frame in location] if None in times or len(set(times)) == 1 else times


def _all_differ(values: list) -> bool:
    return len(set(values)) == len(values)


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
        mended.append(f"{counted(dropped, 'nearly repeated slice location')}: last series kept")
    return slices


def _gap(positions: np.ndarray, strays: list[tuple[float, Frame]], name: str) -> float:
    """The distance (mm) between slices. Raises InputError for a single slice and for a gap in the stack."""
    if len(positions) < 2:
        raise InputError(f"{name}: one slice location only; expected a short-axis stack")
    gaps = np.diff(positions)
    gap_mm, row = float(np.median(gaps)), int(gaps.argmax())
    if gaps[row] >= MISSING_SLICE * gap_mm:
        there = [frame for at, frame in strays if positions[row] < at < positions[row + 1]]
        differs = "lies there, but differs in orientation, matrix or pixel size"
        reason = f"{file_of(there[0])} {differs}" if there else "is the download complete?"
        raise InputError(f"{name}: a slice is missing between {positions[row]:.1f} mm and {positions[row + 1]:.1f} mm along the stack "
                         f"({gaps[row]:.1f} mm apart where {gap_mm:.1f} mm is usual); {reason}")
    return gap_mm


def _doubt_ends(positions: np.ndarray, gap_mm: float, strays: list[tuple[float, Frame]], doubts: list[str]) -> None:
    """Strays beyond the ends of the stack may be its missing slices."""
    beyond = [frame for at, frame in strays
              if gap_mm / 2 < max(positions[0] - at, at - positions[-1]) < (len(strays) + 0.5) * gap_mm]
    if beyond:
        doubts.append(f"{counted(len(beyond), 'stray slice')} left out beyond the end of the stack (like {file_of(beyond[0])}), "
                      "so the stack may be too short")


def _refuse_unequal(slices: list[list[Frame]], positions: np.ndarray, name: str) -> None:
    counts = [len(location) for location in slices]
    usual = _commonest(counts)
    odd = [(location, position) for location, position in zip(slices, positions) if len(location) != usual]
    if odd:
        location, position = odd[0]
        raise InputError(f"{name}: {counted(len(odd), 'slice')} of {len(slices)} with another number of frames, first at {position:.1f} mm "
                         f"({file_of(location[0])}): {len(location)} where {usual} are usual; "
                         + ("is the download complete?" if len(location) < usual else "are two acquisitions mixed?"))


def _by_time(location: list[Frame], name: str) -> list[Frame]:
    times = _times(location)
    if len(location) > 1 and len(set(times)) <= len(location) / 2:
        raise InputError(f"{name}: holds two acquisitions mixed ({file_of(location[0])} is one of {len(location)} frames at one slice "
                         f"with {counted(len(set(times)), 'trigger time')}); keep one of them in the folder")
    timed = sorted(zip(times, location), key=lambda pair: (pair[0], pair[1].instance, pair[1].order, pair[1].at))
    return [frame for _, frame in timed]


def _doubt_mixtures(slices: list[list[Frame]], doubts: list[str]) -> None:
    """What differs between the files of one scan is hardly meant: how pixels are stored, and which way time runs with their numbers."""
    formats = Counter(frame.bits for location in slices for frame in location)
    if len(formats) > 1:
        found = ", ".join(f"{counted(count, 'image')} with BitsStored {bits} and PixelRepresentation {signed}"
                          for (bits, signed), count in formats.most_common(3))
        doubts.append(f"pixels stored in more than one way: {found}")
    numbered = [[frame.instance for frame in location] for location in slices]
    against = sum(numbers != sorted(numbers) for numbers in numbered)
    if 0 < against < len(slices) / 2:
        doubts.append(f"in {counted(against, 'slice')} trigger times run against the instance numbers, so phases may be exchanged")


def _commonest(counts: list[int]) -> int:
    """The commonest number; of equally common ones the larger."""
    return max(Counter(counts).items(), key=lambda item: (item[1], item[0]))[0]
