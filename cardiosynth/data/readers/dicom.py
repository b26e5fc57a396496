"""A short-axis cine from DICOM files: every slice where it truly lies, every frame when it was taken.

File numbers, SliceLocation, SliceThickness and SpacingBetweenSlices are not to be trusted in public data. A slice
lies where ImagePositionPatient puts it along the normal of ImageOrientationPatient, and a frame is ordered by its
TriggerTime (by its InstanceNumber where there is none).
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cardiosynth.data.readers.dicom_files import file_of
from cardiosynth.data.readers.dicom_frame import Frame, Stray
from cardiosynth.data.readers.dicom_images import images_of
from cardiosynth.data.readers.dicom_kinds import counted
from cardiosynth.data.readers.dicom_pixels import pixels
from cardiosynth.data.readers.dicom_planes import FEW, SAME_POSITION_MM, STACK, age, commonest, locations, one_plane, without_repeats
from cardiosynth.data.readers.dicom_register import moved, shifts_px
from cardiosynth.data.readers.dicom_times import by_time, doubt_times, unlike_others
from cardiosynth.data.readers.layout import APEX_DIRECTION
from cardiosynth.data.subject import Cine
from cardiosynth.study.errors import InputError

NEAR_REPEAT, MISSING_SLICE = 0.6, 1.5  # times the usual gap
UNEVEN_MM = 1.0  # by which gaps differ when a slice was placed anew
ALONG_PATIENT, UNLIKE, PARALLEL = 0.999, 0.3, 0.98  # cosines: no short axis lies along the patient; too far from one to tell its ends


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
    frames, others = images_of(paths, name, mended, doubts)
    frames, strays = one_plane(frames, name, mended)
    direction = _towards_apex(frames[0], doubts)
    slices = locations(frames, direction)
    _refuse_two_stacks(slices, name)
    slices = without_repeats(slices, mended, doubts)
    slices = _without_near_repeats(slices, direction, name, mended)
    positions = np.array([_position(location, direction) for location in slices])
    strays = _places(strays + [stray for stray, normal in others if abs(normal @ direction) > PARALLEL], direction)
    gap_mm = _gap(positions, strays, name, doubts)
    _doubt_ends(positions, gap_mm, strays, doubts)
    _refuse_unequal(slices, positions, name)
    slices = [by_time(location, name) for location in slices]
    _doubt_formats(slices, doubts)
    doubt_times(slices, doubts)
    shifts = shifts_px(slices, name, mended)
    cine = Cine(name, _images(slices, shifts, doubts), frames[0].spacing_mm, gap_mm, positions, tuple(mended), tuple(doubts))
    return cine, {
        frame.path: Place(row, phase, tuple(shifts[row, phase].tolist()))
        for row, location in enumerate(slices)
        for phase, frame in enumerate(location)
    }


def _images(slices: list[list[Frame]], shifts: np.ndarray, doubts: list[str]) -> np.ndarray:
    """(slices, phases, H, W), without any that is empty unseen; each file is opened once, however many images it holds."""
    files: dict[Path, list[Frame]] = {}
    for location in slices:
        for frame in location:
            files.setdefault(frame.path, []).append(frame)
    pixels_of = {}
    for path, frames in files.items():
        pixels_of |= {(path, frame.at): image for frame, image in zip(frames, pixels(path, frames))}
    if empty := [path for (path, _), image in pixels_of.items() if image.min() == image.max()]:
        doubts.append(f"{counted(len(empty), 'image')} with every pixel alike (like {file_of(empty[0])})")
    return np.stack(
        [
            np.stack([moved(pixels_of.pop((frame.path, frame.at)), shift) for frame, shift in zip(location, by)])
            for location, by in zip(slices, shifts)
        ]
    )


def _towards_apex(frame: Frame, doubts: list[str]) -> np.ndarray:
    """The unit normal that points from base to apex: in a patient the apex lies left, in front of and below the base."""
    normal = frame.tilt
    along = float(np.dot(normal, APEX_DIRECTION))
    if np.abs(normal).max() > ALONG_PATIENT:
        doubts.append("slices along the patient's axes, as no short axis lies, so base and apex may be exchanged")
    elif abs(along) < UNLIKE:
        doubts.append("orientation unlike a short axis, so base and apex may be exchanged")
    return normal if along >= 0 else -normal


def _position(location: list[Frame], direction) -> float:
    """Of a slice along a direction, in mm."""
    return float(np.median([frame.on(direction) for frame in location]))


def _refuse_two_stacks(slices: list[list[Frame]], name: str) -> None:
    """Two series that cover the same heart at other positions cannot be one stack."""
    rows: dict[tuple, set] = {}
    for row, location in enumerate(slices):
        for frame in location:
            rows.setdefault(frame.series, set()).add(row)
    stacks = sorted((series, places) for series, places in rows.items() if len(places) >= STACK)
    for (first, one), (second, two) in zip(stacks, stacks[1:]):
        overlap = min(max(one), max(two)) - max(min(one), min(two))
        if overlap > 1 and len(one & two) < min(len(one), len(two)) / 2:
            raise InputError(
                f"{name}: holds two acquisitions mixed (series {first[0]} with {len(one)} slices and series {second[0]} with "
                f"{len(two)} slices between them); keep one of them in the folder"
            )


def _without_near_repeats(slices, direction, name: str, mended: list[str]) -> list[list[Frame]]:
    """Of two slices much closer than the others, as after a repeated breath-hold, the later acquired one.

    The other is kept instead where the stack would have a hole without it, and both where it would without either.
    """
    slices, dropped, older, apart = list(slices), 0, 0, set()
    gaps = np.diff([_position(location, direction) for location in slices])
    usual = float(np.median(gaps)) if len(gaps) else 0.0
    while len(slices) > 1:
        at = np.array([_position(location, direction) for location in slices])
        gaps = np.diff(at)
        pairs = [row for row in gaps.argsort() if gaps[row] < NEAR_REPEAT * usual and (at[row], at[row + 1]) not in apart]
        if not pairs:
            break
        row = int(pairs[0])
        droppable = [each for each in (row, row + 1) if not _leaves_hole(at, each, usual)]
        if droppable:
            drop = min(droppable, key=lambda each: age(slices[each]))
            older += age(slices[drop]) > age(slices[2 * row + 1 - drop])
            del slices[drop]
            dropped += 1
        else:
            apart.add((at[row], at[row + 1]))
    if dropped > FEW * (len(slices) + dropped):
        raise InputError(
            f"{name}: holds two acquisitions mixed ({dropped} slices lie much closer to the next than the median of "
            f"{usual:.1f} mm); keep one of them in the folder"
        )
    if dropped:
        mended.append(
            f"{counted(dropped, 'nearly repeated slice location')}: "
            + (f"last series kept but for {older}, whose earlier fills a hole" if older else "last series kept")
        )
    return slices


def _leaves_hole(at: np.ndarray, row: int, usual: float) -> bool:
    """Whether the stack has a hole, or is much shorter, without a slice."""
    if row in (0, len(at) - 1):
        return abs(at[row] - at[1 if row == 0 else -2]) >= usual / 2 - SAME_POSITION_MM / 10
    return at[row + 1] - at[row - 1] >= MISSING_SLICE * usual


def _places(strays: list[Stray], direction) -> list[tuple[float, Stray]]:
    """One of the strays at each position."""
    places: list[tuple[float, Stray]] = []
    for at, stray in sorted(((stray.on(direction), stray) for stray in strays), key=lambda pair: pair[0]):
        if not places or at - places[-1][0] >= SAME_POSITION_MM:
            places.append((at, stray))
    return places


def _gap(positions: np.ndarray, strays: list[tuple[float, Stray]], name: str, doubts: list[str]) -> float:
    """The distance (mm) between slices: the median, or the mean where they lie unevenly.

    Raises InputError for a single slice and for a gap in the stack.
    """
    if len(positions) < 2:
        raise InputError(f"{name}: one slice location only; expected a short-axis stack")
    gaps = np.diff(positions)
    usual, row = float(np.sort(gaps)[(len(gaps) - 1) // 2]), int(gaps.argmax())
    if gaps[row] >= MISSING_SLICE * usual:
        there = [stray for at, stray in strays if positions[row] < at < positions[row + 1]]
        reason = f"{file_of(there[0].path)} lies there, but {there[0].why}" if there else "is the download complete?"
        raise InputError(
            f"{name}: a slice is missing between {positions[row]:.1f} mm and {positions[row + 1]:.1f} mm along the stack "
            f"({gaps[row]:.1f} mm apart where {usual:.1f} mm is usual); {reason}"
        )
    if np.ptp(gaps) <= UNEVEN_MM:
        return float(np.median(gaps))
    doubts.append(f"slices lie unevenly, {gaps.min():.1f} to {gaps.max():.1f} mm apart; the mean of {gaps.mean():.2f} mm is used for all")
    return float(gaps.mean())


def _doubt_ends(positions: np.ndarray, gap_mm: float, strays: list[tuple[float, Stray]], doubts: list[str]) -> None:
    """Strays beyond the ends of the stack may be its missing slices."""
    beyond = [stray for at, stray in strays if gap_mm / 2 < max(positions[0] - at, at - positions[-1]) < (len(strays) + 0.5) * gap_mm]
    if beyond:
        doubts.append(
            f"{counted(len(beyond), 'stray slice')} left out beyond the end of the stack (like {file_of(beyond[0].path)}), "
            "so the stack may be too short"
        )


def _refuse_unequal(slices: list[list[Frame]], positions: np.ndarray, name: str) -> None:
    usual = commonest([len(location) for location in slices])
    odd = [(location, position) for location, position in zip(slices, positions) if len(location) != usual]
    if odd:
        location, position = odd[0]
        raise InputError(
            f"{name}: {counted(len(odd), 'slice')} of {len(slices)} with another number of frames, first at {position:.1f} mm "
            f"({file_of(location[0].path)}): {len(location)} where {usual} are usual; {unlike_others(location, usual)}"
        )


def _doubt_formats(slices: list[list[Frame]], doubts: list[str]) -> None:
    """How pixels are stored hardly differs between the files of one scan."""
    formats = Counter(frame.bits for location in slices for frame in location)
    if len(formats) > 1:
        kinds = ", ".join(
            f"{counted(count, 'image')} with BitsStored {bits} and PixelRepresentation {signed}" for (bits, signed), count in formats.most_common(3)
        )
        doubts.append(f"pixels stored in more than one way: {kinds}")
