"""Which of a Sunnybrook patient's series is the short axis: that to which the contours belong."""

import re
from pathlib import Path

from cardiosynth.data.readers.dicom import Place, read_placed
from cardiosynth.data.readers.dicom_files import is_dicom
from cardiosynth.data.readers.layout import files_below
from cardiosynth.data.subject import Cine
from cardiosynth.study.errors import InputError

TEXTS = (".txt", ".csv")
NUMBERED = re.compile(r"(.*?)(\d+)$")


def scan_file(path: Path) -> bool:
    """Whether a file of the layout is an image."""
    return path.suffix.lower() not in TEXTS and is_dicom(path)


def short_axis(folder: Path, numbers: set[int]) -> tuple[Cine, dict[int, Path], dict[Path, Place], list[str]]:
    """The cine, its files by the number that ends their name, their places in it, and what was left out, in phrases.

    numbers: the images that have contours. Raises InputError naming the folder where no series has them all, and where
    several do that could each be the stack.
    """
    series = _series(folder)
    fits = [entry for entry in series.items() if numbers <= entry[1].keys()] if len(series) > 1 else list(series.items())
    if not fits:
        fits = _joined(series, numbers)
    if not fits:
        raise InputError(
            f"{folder}: none of its {len(series)} series ({_names(folder, series)}) has all images that have contours "
            f"({min(numbers)} to {max(numbers)}); do the contours belong to this patient?"
        )
    read = [(place, files, *_read(files, folder, alone=len(fits) == 1)) for place, files in fits]
    good = [entry for entry in read if isinstance(entry[2], Cine)]
    if len(good) > 1:
        named = _names(folder, dict(entry[:2] for entry in good))
        raise InputError(f"{folder}: the contours fit {len(good)} series ({named}); keep one of them")
    if not good:
        raise read[0][2]
    ((place, files, cine, places),) = good
    others = {
        name: numbered for name, numbered in series.items() if not any(files.get(number) == path for number, path in numbered.items() if number >= 0)
    }
    return cine, files, places, [f"series {_names(folder, others)} left out"] if others else []


def _series(folder: Path) -> dict[tuple[Path, str], dict[int, Path]]:
    """Files by number for each (folder, what stands before the number): those in CINESAX folders where there are any.

    Files whose names end in no number may belong to any series of their folder, and count below 0.
    """
    files = [path for path in files_below(folder) if scan_file(path)]
    files = [path for path in files if path.parent.name.upper().startswith("CINESAX")] or files
    series: dict[tuple[Path, str], dict[int, Path]] = {}
    nameless = []
    for path in files:
        match = NUMBERED.match(path.name[:-4] if path.name.lower().endswith(".dcm") else path.name)
        if not match:
            nameless.append(path)
        elif (other := series.setdefault((path.parent, match[1]), {}).setdefault(int(match[2]), path)) != path:
            raise InputError(f"{path}: has the number of {other.name}; expected names like IM-0003-0048.dcm, one a file")
    if not series:
        raise InputError(f"{folder}: no DICOM file whose name ends in a number; expected names like IM-0003-0048.dcm of one series")
    for (place, _), numbered in series.items():
        numbered |= {-number: path for number, path in enumerate(nameless, 1) if path.parent == place}
    return series


def _joined(series: dict, numbers: set[int]) -> list[tuple]:
    """A folder's series as one, where their numbers go on from each other and have all contours."""
    folders: dict[Path, list[dict]] = {}
    for (place, _), files in series.items():
        folders.setdefault(place, []).append(files)
    joined = [(place, {number: path for files in parts for number, path in files.items()}, parts) for place, parts in folders.items()]
    return [
        ((place, ""), files)
        for place, files, parts in joined
        if numbers <= files.keys() and sum(number >= 0 for number in files) == sum(number >= 0 for part in parts for number in part)
    ]


def _read(files: dict[int, Path], folder: Path, alone: bool) -> tuple:
    try:
        return read_placed([files[number] for number in sorted(files)], str(folder))
    except InputError as error:
        if alone:
            raise
        return error, {}


def _names(folder: Path, series: dict) -> str:
    return ", ".join(
        f"{(place / start).relative_to(folder)}* with {len(files)} file{'s' * (len(files) > 1)}" for (place, start), files in list(series.items())[:4]
    )
