"""The order of the frames at one slice, and what their times and numbers say against it."""

import numpy as np

from cardiosynth.data.readers.dicom_files import file_of
from cardiosynth.data.readers.dicom_frame import MOMENTS, Frame
from cardiosynth.data.readers.dicom_kinds import counted
from cardiosynth.study.errors import InputError

ORDERS = ("TriggerTime", "InstanceNumber", *MOMENTS)
LATE = 2  # frames by which a slice may begin later in the cycle than the others
EXCHANGED = "phases may be exchanged"
GAP = 1.5  # times the usual step between frames, where one is missing


def ordering(location: list[Frame]) -> tuple[str, list[float]]:
    """The tag that orders the frames of a slice, and its numbers: the first of ORDERS that all have and that is not the same in all."""
    numbers = [(frame.time_ms, frame.instance, *frame.moments) for frame in location]
    for key, values in zip(ORDERS, map(list, zip(*numbers))):
        if None not in values and len(set(values)) > 1:
            return key, values
    return "", [0] * len(location)


def all_differ(location: list[Frame]) -> bool:
    """Whether no two frames of a slice have one time."""
    values = ordering(location)[1]
    return len(set(values)) == len(values)


def by_time(location: list[Frame], name: str) -> list[Frame]:
    """The frames of a slice in their order. Raises InputError where nothing tells it, and where two acquisitions are mixed."""
    key, times = ordering(location)
    if len(location) > 1 and not key:
        raise InputError(
            f"{name}: nothing tells the order of the {len(location)} frames at one slice (like {file_of(location[0].path)}): "
            f"{', '.join(ORDERS)} are absent or the same in all; export the scan with TriggerTime"
        )
    if len(location) > 1 and len(set(times)) <= len(location) / 2:
        raise InputError(
            f"{name}: holds two acquisitions mixed ({file_of(location[0].path)} is one of {len(location)} frames at one slice "
            f"with {len(set(times))} values of {key}); keep one of them in the folder"
        )
    timed = sorted(zip(times, location), key=lambda pair: (pair[0], pair[1].instance, pair[1].order, pair[1].at))
    return [frame for _, frame in timed]


def unlike_others(location: list[Frame], usual: int) -> str:
    """Why a slice may have another number of frames than is usual: some are missing, or it was taken with so many."""
    times = np.sort(ordering(location)[1])
    steps = np.diff(times)
    if len(steps) < 2 or steps.max() >= GAP * np.median(steps) or steps.min() <= 0:
        return "is the download complete?" if len(location) < usual else "are two acquisitions mixed?"
    return (
        f"slices were taken with different numbers of frames ({len(location)} and {usual}), and a cine needs the same in all; "
        "keep those of one number in the folder"
    )


def doubt_times(slices: list[list[Frame]], doubts: list[str]) -> None:
    """What makes the order of frames doubtful, in phrases: of slices by their frames in order."""
    orders = [ordering(location)[0] for location in slices]
    some = sum(0 < sum(frame.time_ms is None for frame in location) < len(location) for location in slices)
    numbered = [[frame.instance for frame in location] for location in slices]
    against = sum(numbers != sorted(numbers) for numbers in numbered)
    repeated = sum(1 < len(set(numbers)) < len(numbers) for numbers in numbered)
    late = _late(slices) if set(orders) == {"TriggerTime"} else 0
    for count, what, so in (
        (some, "trigger times are missing in part, and other tags order the frames", EXCHANGED),
        (against if against < len(slices) else 0, "trigger times run against the instance numbers", EXCHANGED),
        (repeated, "instance numbers repeat though times differ", "two acquisitions may be mixed"),
        (sum(key in MOMENTS[1:] for key in orders), "only the time of acquisition orders the frames", EXCHANGED),
        (late, f"trigger times begin more than {LATE} frames earlier or later in the cycle than in the others", EXCHANGED),
    ):
        if count:
            doubts.append(f"in {counted(count, 'slice')} {what}, so {so}")


def _late(slices: list[list[Frame]]) -> int:
    """The slices out of step with the others. Times that run on from slice to slice, beyond one cycle, say nothing of it."""
    frames = len(slices[0])
    times = np.array([[frame.time_ms for frame in location] for location in slices])
    steps = np.median(np.diff(times, axis=1), axis=1) if frames > 1 else np.zeros(len(slices))
    if steps.min() <= 0:
        return 0
    begins = times[:, 0] / (steps * frames)  # in cycles
    usual = np.sort(begins)[(len(begins) - 1) // 2]
    return int((np.abs(begins - usual) * frames > LATE).sum()) if np.ptp(begins) < 1 else 0
