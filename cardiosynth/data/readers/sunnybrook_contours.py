"""Sunnybrook's hand-drawn contours: read, laid on the cine, and asked whether they can be what their names say."""

import re
from pathlib import Path

import numpy as np

from cardiosynth.data.contours import coverage
from cardiosynth.data.readers.dicom import Place
from cardiosynth.data.readers.layout import files_below
from cardiosynth.study.errors import InputError

DRAWN = re.compile(r"IM-\d+-(\d+)-([io])contour-manual\.txt$", re.IGNORECASE)
OUTSIDE_PX = 1.0  # that a contour may leave the image, for files that count pixels from 1
CROSSING, OUTSIDE = 0.1, 0.5  # share of the cavity outside the epicardium: drawn carelessly; not of this heart


def points(path: Path) -> np.ndarray:
    """A contour (points, 2) as x, y in pixels. Raises InputError naming the file and the line that is not two numbers."""
    result = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        try:
            x, y = (float(part) for part in line.split())
        except ValueError:
            if not line.strip():
                continue
            raise InputError(f"{path}: line {number} is {line.strip()[:80]!r}; expected two numbers, x and y in pixels") from None
        result.append((x, y))
    if len(result) < 3 or not np.isfinite(result).all():
        raise InputError(f"{path}: {len(result)} points; expected at least 3, with finite x and y in pixels")
    return np.array(result)


def drawn(folder: Path) -> dict[tuple[int, str], Path]:
    """(image number, i or o) -> file; contours of papillary muscles are passed over. Raises InputError for two that differ."""
    files: dict[tuple[int, str], Path] = {}
    for path in files_below(folder):
        if match := DRAWN.match(path.name):
            other = files.setdefault((int(match[1]), match[2].lower()), path)
            if other.read_bytes() != path.read_bytes():
                raise InputError(f"{path}: another contour of image {int(match[1])} than {other}; keep one of them")
    return files


def areas(contours: dict[tuple[int, str], Path], files: dict[int, Path], places: dict[Path, Place], shape: tuple) -> dict[tuple, np.ndarray]:
    """(slice, phase, i or o) -> share of each pixel inside the contour (H, W). Raises InputError naming a contour that fits no image."""
    inside = {}
    for (number, kind), path in contours.items():
        place = places.get(files.get(number))
        if place is None:
            raise InputError(
                f"{path}: belongs to image {number}, which the cine of {len(places)} images does not have; do the contours belong to this patient?"
            )
        inside[place.row, place.phase, kind] = coverage(_on_cine(path, place, shape[-2:]), shape[-2:])
        if not inside[place.row, place.phase, kind].any():
            raise InputError(f"{path}: encloses no area; draw it again, or remove it")
    return inside


def crossings(inside: dict[tuple, np.ndarray], folder: Path, slices: int) -> list[str]:
    """Doubts about endocardial contours that cross the epicardial one. Raises InputError where they lie outside it, or are exchanged."""
    crossing = []
    for row, phase, kind in inside:
        if kind == "o" or (row, phase, "o") not in inside:
            continue
        inner, outer = inside[row, phase, "i"], inside[row, phase, "o"]
        beyond = np.maximum(inner - outer, 0).sum() / inner.sum()
        where = f"slice {row + 1} of {slices} from the base, phase {phase + 1}"
        if inner.sum() > outer.sum() and np.maximum(outer - inner, 0).sum() < CROSSING * outer.sum():
            raise InputError(f"{folder}: in {where} the i contour encloses the o contour; are the two kinds exchanged?")
        if beyond > OUTSIDE:
            raise InputError(f"{folder}: in {where} {100 * beyond:.0f} % of the i contour lie outside the o contour; expected it inside")
        if beyond > CROSSING:
            crossing.append(f"in {where} {100 * beyond:.0f} % of the i contour lie outside the o contour")
    return crossing


def holes(inside: dict[tuple, np.ndarray], slices: int, ed: int, es: int) -> list[str]:
    """Doubts about slices without an endocardial contour between slices that have one, at ED or at ES."""
    doubts = []
    for name, phase in (("ED", ed), ("ES", es)):
        rows = {row for row, at, kind in inside if at == phase and kind == "i"}
        if missing := sorted(set(range(min(rows), max(rows))) - rows):
            listed = ", ".join(str(row + 1) for row in missing)
            doubts.append(f"no i contour at {name} in slice {listed} of {slices} from the base, between slices with one: the volume lacks it")
    return doubts


def _on_cine(path: Path, place: Place, shape: tuple[int, int]) -> np.ndarray:
    """The contour's points on the cine's grid, onto which its image may have been moved."""
    contour = points(path) + place.shift_px[::-1]
    low, high = contour.min(axis=0), contour.max(axis=0)
    if (low < -OUTSIDE_PX).any() or (high > np.array(shape[::-1]) - 1 + OUTSIDE_PX).any():
        raise InputError(
            f"{path}: reaches from x, y = {low[0]:.1f}, {low[1]:.1f} to {high[0]:.1f}, {high[1]:.1f} px, which is outside "
            f"the image of {shape[0]} rows and {shape[1]} columns; does it belong to this patient?"
        )
    return contour
