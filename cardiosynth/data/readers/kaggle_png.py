"""Kaggle's Second Annual Data Science Bowl as PNG pairs: images at two frames, LV masks, reference volumes.

``data_segmenter_trainset/PPPP_00000sax_FF_LLLLL_IM-*.png`` holds patient, frame, slice location in mm + 10000 and
the series; ``*_o.png`` is the mask of the LV cavity, threshold 127. Pixels are 1 mm. Frame 01 is about ED, frame 12
about ES, so the volumes of a subject are the organisers' (``train_validate.csv``) and those of the masks go along.
"""

import re
from collections import defaultdict
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cardiosynth.data.readers import contents
from cardiosynth.data.readers.dicom import MISSING_SLICE, NEAR_REPEAT
from cardiosynth.data.readers.layout import Notes, Scan, find_root
from cardiosynth.data.readers.nifti import apex_first
from cardiosynth.data.splits import imbalanced
from cardiosynth.data.subject import Subject
from cardiosynth.data.volume_table import volumes
from cardiosynth.data.volumes import LV, volume_ml
from cardiosynth.study.errors import InputError

FOLDER, TABLE = "data_segmenter_trainset", "train_validate.csv"
NAME = re.compile(r"(?P<patient>\d{4})_\d+sax_(?P<frame>\d\d)_(?P<location>\d{5})_IM-(?P<series>\d+)-\d+(-(?P<image>\d+))?\.png", re.IGNORECASE)
COPY = re.compile(r"(.*?) ?\(\d+\)(\.png)", re.IGNORECASE)
PATIENT = re.compile(r"[0-9]{4}_.*\.png$", re.IGNORECASE)
EXPECTED = "PPPP_00000sax_FF_LLLLL_IM-*.png"
FRAMES = ("01", "12")  # about ED, about ES
ORIGIN_MM = 10000  # added to the locations so that none is negative
PIXEL_MM = 1.0
THRESHOLD, LARGEST = 127, 0.5  # grey, and the share of an image above it that no LV has
AGREE = (0.7, 1.5)  # the masks' EDV over the reference's; 0.82 to 1.33 for all but one of the 325 patients that were looked at
REDUCED_TRAIN, OTHER_VALIDATION = 4, 17
LAST_TRAIN, LAST_VALIDATION = 500, 700  # the competition's parts by patient number


def find(data) -> list[Scan]:
    """The patients of the layout by number. The PNG may lie in FOLDER or beside the table.

    facts: ``names``, the patient's image files, and ``edv_ml``, ``esv_ml`` where the table has them.
    Raises InputError where there are no such PNG, or no table of reference volumes.
    """
    other_name = data is not None and (Path(data) / "kaggle_png").is_dir()
    root = find_root(data, "kaggle_png" if other_name else "kaggle-png")
    folder = root / FOLDER if (root / FOLDER).is_dir() else root
    names = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if PATIENT.match(path.name) and not path.stem.lower().endswith("_o") and not _copy(path):
            names[path.name[:4]].append(path.name)
    if not names:
        raise InputError(f"{folder}: no files named {EXPECTED}; expected the PNG pairs there or in {FOLDER}/")
    table = root / TABLE if (root / TABLE).is_file() or folder != root else root.parent / TABLE
    if not table.is_file():
        raise InputError(f"{table}: missing; the reference volumes (Id, Systole, Diastole) stand there")
    references = volumes([table])
    return [
        Scan(f"kaggle-{number}", folder, _part(int(number)), {"names": files, **references.get(int(number), {})}) for number, files in names.items()
    ]


def read(scan: Scan) -> Subject:
    """One patient on its 1 mm grid, all slices from base to apex, LV masks alone.

    edv_ml, esv_ml: the reference. extra: ``mask_edv_ml`` and ``mask_esv_ml`` (frames 01 and 12, Simpson's rule) and
    ``mended``. Raises InputError for this patient where a file or the reference is missing or damaged.
    """
    if "fault" in scan.facts:
        raise InputError(f"{scan.id}: {scan.facts['fault']}")
    if not {"edv_ml", "esv_ml"} <= scan.facts.keys():
        raise InputError(f"{scan.id}: {TABLE} has no numbers for Id {int(scan.id[-4:])}; expected Id, Systole and Diastole in ml")
    notes = Notes()
    paired = _paired(scan, notes)
    locations, pairs = _one_per_location(paired, notes.mended)
    gap_mm = _gap(scan.id, locations, notes.mended)
    images = _stack(scan, [[_pixels(scan.path / name) for name in names] for names in pairs])
    masks = _stack(scan, [[_pixels(_mask_of(scan.path / name)) for name in names] for names in pairs])
    if masks.shape != images.shape:
        raise InputError(f"{scan.id}: masks have shape {masks.shape[2:]}, images {images.shape[2:]}; they must agree")
    masks = _thresholded(scan.id, masks, notes)
    if apex_first(masks):
        images, masks = images[::-1], masks[::-1]
    drawn = [round(float(volume), 4) for volume in volume_ml(masks, PIXEL_MM**2, gap_mm)]
    notes.doubts += [*_volume_doubts(drawn, scan.facts["edv_ml"]), *contents.gaps(masks), *contents.beside(images, masks)]
    extra = dict(zip(("mask_edv_ml", "mask_esv_ml"), drawn)) | {"mended": ""} | notes.extra()
    return Subject(scan.id, "kaggle-png", images, masks, (PIXEL_MM, PIXEL_MM), gap_mm, scan.facts["edv_ml"], scan.facts["esv_ml"], extra)


def _volume_doubts(drawn: list[float], edv_ml: float) -> list[str]:
    """Where the masks' volumes cannot be those of the reference, or of two phases in their order."""
    low, high = AGREE
    doubts = []
    if edv_ml > 0 and not low < drawn[0] / edv_ml < high:
        doubts.append(f"the masks of frame {FRAMES[0]} give {drawn[0]:.0f} ml and the table {edv_ml:.0f} ml as EDV")
    if drawn[1] >= drawn[0]:
        doubts.append(f"the masks of frame {FRAMES[1]} give {drawn[1]:.0f} ml, no less than the {drawn[0]:.0f} ml of frame {FRAMES[0]}")
    return doubts


def _copy(path: Path) -> bool:
    """Whether a file is the second download of one that is there, ``name (1).png``, and holds the same."""
    match = COPY.fullmatch(path.name)
    first = path.with_name(match[1] + match[2]) if match else path
    return first != path and first.is_file() and first.read_bytes() == path.read_bytes()


def _mask_of(path: Path) -> Path:
    """The mask's file, in whatever letter case its ending is."""
    names = [f"{path.stem}{mark}{ending}" for mark in ("_o", "_O") for ending in (path.suffix, ".png", ".PNG")]
    return next((place for place in map(path.with_name, names) if place.is_file()), path.with_name(names[0]))


def _thresholded(name: str, greys: np.ndarray, notes: Notes) -> np.ndarray:
    """Masks with LV where the grey is above THRESHOLD. Raises InputError where that cannot be the LV's cavity."""
    faint = int(((greys.max(axis=(2, 3)) > 0) & (greys.max(axis=(2, 3)) <= THRESHOLD)).sum())
    if faint:
        notes.doubts.append(f"{faint} mask{'s' * (faint > 1)} without grey above {THRESHOLD}, though not black: taken for empty")
    masks = np.where(greys > THRESHOLD, LV, 0).astype(np.uint8)
    for phase, frame in enumerate(FRAMES):
        grey, share = int(greys[:, phase].max()), float((masks[:, phase] == LV).mean(axis=(1, 2)).max())
        if share == 0:
            raise InputError(f"{name}: the masks of frame {frame} hold no LV: the largest grey is {grey}; expected 255 inside and 0 outside")
        if share > LARGEST:
            raise InputError(f"{name}: a mask of frame {frame} covers {100 * share:.0f} % of its image; expected 255 inside the LV and 0 outside")
    return masks


def split_rule(table: pd.DataFrame) -> pd.DataFrame:
    """The rule behind the committed split, as columns id, split, reason.

    table: id, ef (percent, of the masks; NaN for a patient whom the reader refuses). Sorted by EF, every third patient,
    from the second on, is ``test``, so that it is as mixed as they all are. The rest is split as ``splits.imbalanced`` says.
    """
    table = table.sort_values(["ef", "id"])
    rows = {name: ("excluded", "refused by the reader") for name in table.loc[table.ef.isna(), "id"]}
    read = table[table.ef.notna()]
    rows |= {name: ("test", "every third by EF") for name in read.id[1::3]}
    rows |= imbalanced(read[~read.id.isin(rows)], REDUCED_TRAIN, OTHER_VALIDATION)
    return pd.DataFrame([(name, *rows[name]) for name in sorted(rows)], columns=["id", "split", "reason"])


def _part(number: int) -> str:
    return "train" if number <= LAST_TRAIN else "validation" if number <= LAST_VALIDATION else "test"


def _paired(scan: Scan, notes: Notes) -> dict[tuple, list[str]]:
    """(location, series, image) -> the file names of FRAMES, for what was imaged at both of them."""
    images = defaultdict(dict)
    for name in scan.facts["names"]:
        parts = NAME.fullmatch(name)
        if not parts:
            raise InputError(f"{scan.path / name}: not a name of this layout; expected {EXPECTED}, F being {' or '.join(FRAMES)}")
        images[int(parts["location"]) - ORIGIN_MM, int(parts["series"]), int(parts["image"] or 0)][parts["frame"]] = name
    paired = {key: [files[frame] for frame in FRAMES] for key, files in sorted(images.items()) if set(FRAMES) <= set(files)}
    if not paired:
        raise InputError(f"{scan.id}: no slice has both frames {' and '.join(FRAMES)}; is the download complete?")
    single = sorted({location for (location, *_), files in images.items() if not set(FRAMES) <= set(files)})
    if single:
        inside = [location for location, *_ in paired]
        beyond = any(not min(inside) < location < max(inside) for location in single)
        notes.mended.append(f"slices at {_listed(single)} mm left out: one of frames {' and '.join(FRAMES)} is missing")
        notes.doubts += ["a slice at an end was left out, so the stack may be too short"] * beyond
    return paired


def _one_per_location(paired: dict[tuple, list[str]], mended: list[str]) -> tuple[list[int], list[list[str]]]:
    """Of repeated locations the last series, which was taken because the earlier ones were not good enough.

    Locations much closer than usual are one location that was imaged again. (Rounding alone makes up to 1 mm.)
    """
    known = sorted({location for location, *_ in paired})
    usual = float(np.median(np.diff(known))) if len(known) > 1 else 0.0
    near = np.concatenate([[0], np.cumsum(np.diff(known) >= min(NEAR_REPEAT * usual, usual - 1.5))])
    place = dict(zip(known, near.tolist(), strict=True))
    groups = [list(group) for _, group in groupby(paired, key=lambda key: place[key[0]])]
    kept = [max(group, key=lambda key: key[1:]) for group in groups]
    again = [key[0] for key, group in zip(kept, groups, strict=True) if len(group) > 1]
    if again:
        mended.append(f"slices at {_listed(again)} mm imaged more than once: the last series kept")
    return [key[0] for key in kept], [paired[key] for key in kept]


def _gap(name: str, locations: list[int], mended: list[str]) -> float:
    """The mean distance, since rounding to whole mm makes single ones wrong. Raises InputError for a missing slice.

    A hole is not bridged: the project's stacks have one distance between slices, and an invented slice is no data.
    """
    if len(locations) < 2:
        raise InputError(f"{name}: one slice only, so the distance between slices is unknown; expected a stack")
    distances = np.diff(locations)
    usual, widest = float(np.sort(distances)[(len(distances) - 1) // 2]), int(distances.argmax())  # the lower median
    if distances[widest] >= max(MISSING_SLICE * usual, usual + 2):
        raise InputError(
            f"{name}: {distances[widest]} mm between the slices at {locations[widest]} and {locations[widest + 1]} mm, {usual:g} mm "
            "elsewhere; a slice is missing inside the stack, so leave the patient out or add its files"
        )
    mean = float((locations[-1] - locations[0]) / len(distances))
    if np.ptp(distances) > 1:
        mended.append(f"slices {distances.min()} to {distances.max()} mm apart: the mean of {mean:g} mm used")
    return mean


def _pixels(path: Path) -> np.ndarray:
    """A grey PNG as uint8 (H, W). Raises InputError naming the file."""
    if not path.is_file():
        raise InputError(f"{path}: missing; every image needs its mask beside it, is the download complete?")
    try:
        with Image.open(path) as image:
            if image.mode in ("L", "LA", "1", "P", "RGB", "RGBA"):
                return np.asarray(image.convert("L"))
            mode = image.mode
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as PNG ({' '.join(str(error).split())}); is the download complete?") from error
    raise InputError(f"{path}: pixels of kind {mode}; expected an 8-bit grey PNG")


def _stack(scan: Scan, slices: list[list[np.ndarray]]) -> np.ndarray:
    sizes = sorted({image.shape for frames in slices for image in frames})
    if len(sizes) > 1:
        raise InputError(f"{scan.id}: files of {sizes[0]} and of {sizes[1]} pixels (rows, columns); expected one size a patient")
    return np.stack([np.stack(frames) for frames in slices])


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
