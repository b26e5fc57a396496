"""Subjects and cohorts: the only module that knows the files of a cohort.

A cohort on disk is a folder with ``subjects.csv`` (one row a subject), ``images.npy`` and, where there are masks, ``masks.npy``:
flat arrays (slices of all subjects, 2, H, W) of uint8, opened as memory maps, in which a subject owns the rows
``first .. first + slices``. Phase 0 is end-diastole, phase 1 end-systole; slices run from base to apex.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from cardiosynth.data.subject import Subject
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import whole

OWN_COLUMNS = ("source", "edv_ml", "esv_ml", "ef", "slices", "slice_gap_mm", "spacing_mm", "first")
SPLITS = ("train", "validation", "test", "extra_test")


@dataclass(frozen=True)
class Cohort:
    """A cohort on disk, opened without reading it. table: ``subjects.csv`` with ``id`` as the index."""

    folder: Path
    table: pd.DataFrame

    @classmethod
    def open(cls, folder) -> "Cohort":
        folder = Path(folder)
        if not (folder / "subjects.csv").is_file():
            raise InputError(f"{folder}: no subjects.csv, so this is not a cohort; run its study, or make one with 'python -m cardiosynth ingest'")
        table = _table(folder / "subjects.csv")
        _refuse_parts_of_two(folder, table)
        return cls(folder, table)

    def images(self) -> np.ndarray:
        """All slices, a memory map (slices, 2, H, W) of uint8."""
        return np.load(self.folder / "images.npy", mmap_mode="r")

    def masks(self) -> np.ndarray:
        """All masks, a memory map like ``images``. Raises InputError where the dataset has none."""
        if not self.has_masks:
            raise InputError(f"{self.folder}: a cohort without masks; what needs them takes a dataset that has them")
        return np.load(self.folder / "masks.npy", mmap_mode="r")

    @property
    def has_masks(self) -> bool:
        """Whether the subjects were outlined."""
        return (self.folder / "masks.npy").is_file()

    def rows(self, subject_id: str) -> slice:
        """Where a subject's slices lie in the flat arrays."""
        first = int(self.table.at[subject_id, "first"])
        return slice(first, first + int(self.table.at[subject_id, "slices"]))

    def subject(self, subject_id: str) -> Subject:
        """One subject on the cohort's grid, its further columns in ``extra``."""
        row, rows = self.table.loc[subject_id].dropna(), self.rows(subject_id)
        masks = np.asarray(self.masks()[rows]) if self.has_masks else None
        extra = {name: row[name] for name in row.index if name not in OWN_COLUMNS}
        return Subject(
            subject_id,
            row["source"],
            np.asarray(self.images()[rows]),
            masks,
            (row["spacing_mm"],) * 2,
            row["slice_gap_mm"],
            row["edv_ml"],
            row["esv_ml"],
            extra,
        )

    def split(self, *names: str) -> "Cohort":
        """The subjects of the named splits; the arrays stay shared."""
        return Cohort(self.folder, self.table[self.table["split"].isin(names)])

    def take(self, ids) -> "Cohort":
        """The named subjects, in the order given."""
        return Cohort(self.folder, self.table.loc[list(ids)])

    def __len__(self):
        return len(self.table)


def _table(path: Path) -> pd.DataFrame:
    """subjects.csv with ``id`` as the index. Raises InputError where a column, a number or a name that it needs is not there."""
    try:
        table = pd.read_csv(path, dtype={"id": str, "source": str}).set_index("id")
        if absent := [name for name in OWN_COLUMNS if name not in table]:
            raise ValueError(f"no column {', '.join(absent)}")
        numbers = table[[name for name in OWN_COLUMNS if name != "source"]].astype(float)
        if not np.isfinite(numbers.to_numpy()).all() or table.index.hasnans or table.index.has_duplicates:
            raise ValueError("numbers or names are missing, or a name stands there twice")
    except (ValueError, KeyError) as error:  # pandas' own parsing errors are ValueErrors
        raise InputError(f"{path}: no table of subjects ({' '.join(str(error).split())}); make the cohort again") from error
    return table


def _refuse_parts_of_two(folder: Path, table: pd.DataFrame) -> None:
    """Raise InputError where images, masks and table are not of one cohort."""
    shapes = {name: _shape(folder / name) for name in ("images.npy", "masks.npy") if name == "images.npy" or (folder / name).exists()}
    slices = int(table["slices"].sum())
    in_turn = (table["first"] == table["slices"].cumsum() - table["slices"]).all()
    if not in_turn or {shape[0] for shape in shapes.values()} != {slices} or len(set(shapes.values())) > 1:
        counts = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise InputError(f"{folder}: subjects.csv has {slices} slices, but {counts}; they do not belong together, so make the cohort again")


def _shape(path: Path) -> tuple[int, ...]:
    if not path.exists():
        raise InputError(f"{path}: missing, though subjects.csv is there; make the cohort again")
    try:
        array = np.load(path, mmap_mode="r")
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path}: damaged ({error}); make the cohort again") from error
    if not isinstance(array, np.ndarray) or array.ndim != 4 or array.dtype != np.uint8:
        raise InputError(f"{path}: damaged (not an array (slices, 2, H, W) of 8-bit numbers); make the cohort again")
    return array.shape


def write_cohort(folder, subjects: Iterable[Subject]) -> Cohort:
    """Write subjects that share one grid, streaming: memory does not grow with their number.

    Masks are written where the first subject has them. Files appear under their final names only when all
    subjects are written; nothing is left behind when one of them fails.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows, arrays, first = [], {}, 0
    with ExitStack() as files:
        for subject in subjects:
            if not arrays:
                names = ["images", "masks"] if subject.masks is not None else ["images"]
                arrays = {name: files.enter_context(_growing(folder / f"{name}.npy", subject.images.shape[1:])) for name in names}
            if subject.images.dtype != np.uint8:
                raise InputError(f"{subject.id}: images of type {subject.images.dtype}; a cohort holds uint8")
            for name, array in arrays.items():
                array.append(getattr(subject, name), subject.id)
            rows.append(_row(subject, first))
            first += len(subject.images)
        if not rows:
            raise InputError(f"{folder}: no subject could be read, so there is no cohort to write")
    with whole(folder / "subjects.csv") as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)
    return Cohort.open(folder)


def _row(subject: Subject, first: int) -> dict:
    return {
        "id": subject.id,
        "source": subject.source,
        "edv_ml": round(subject.edv_ml, 4),
        "esv_ml": round(subject.esv_ml, 4),
        "ef": round(subject.ef, 4),
        "slices": len(subject.images),
        "slice_gap_mm": round(subject.slice_gap_mm, 4),
        "spacing_mm": round(float(np.mean(subject.spacing_mm)), 6),
        "first": first,
        **subject.extra,
    }


@contextmanager
def _growing(target: Path, shape: tuple) -> Iterator["_GrowingArray"]:
    """An .npy file of uint8, written block by block; whole when the block ends well."""
    with whole(target) as partial, open(partial, "wb") as stream:
        array = _GrowingArray(stream, target.name, shape)
        yield array
        array.write_header()


class _GrowingArray:
    """An .npy file of uint8 that grows along its first axis."""

    def __init__(self, stream: BinaryIO, name: str, shape: tuple):
        self.stream, self.name, self.shape, self.length = stream, name, shape, 0
        self.write_header()

    def append(self, block: np.ndarray | None, name: str) -> None:
        if block is None or block.shape[1:] != self.shape:
            shape_text = "nothing" if block is None else f"shape {block.shape}"
            raise InputError(f"{name}: {shape_text} for {self.name}; expected (slices, {', '.join(map(str, self.shape))}) as before")
        self.stream.write(np.ascontiguousarray(block, dtype=np.uint8).tobytes())
        self.length += len(block)

    def write_header(self) -> None:
        """numpy leaves room in the header for the first axis to grow, so it can be written again in place."""
        self.stream.seek(0)
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.length, *self.shape)}
        np.lib.format.write_array_header_1_0(self.stream, header)
