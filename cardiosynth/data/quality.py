"""What was read, what was mended, what was left out and why: one row a subject, and what looks odd."""

import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cardiosynth.data.duplicates import twins
from cardiosynth.data.preprocessing import Placement, centre_error_mm, lv_lost_percent
from cardiosynth.data.subject import Subject
from cardiosynth.study.ending import reason
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Grid

COLUMNS = [
    "id",
    "split",
    "status",
    "note",
    "remarks",
    "same_images_as",
    "slices_in_scan",
    "slices_kept",
    "slice_gap_mm",
    "spacing_mm",
    "edv_ml",
    "esv_ml",
    "ef",
    "lv_lost_percent",
    "centre_error_mm",
]
ERRORS = "errors.log"  # beside the report
# Beyond these a number is more often an error of reading than a heart.
PLAUSIBLE = {
    "ef": (5.0, 85.0, "EF of {:.0f} %"),
    "edv_ml": (30.0, 500.0, "EDV of {:.0f} ml"),
    "slice_gap_mm": (4.0, 15.0, "slices {:.1f} mm apart"),
    "spacing_mm": (0.4, 3.5, "pixels of {:.2f} mm"),
    "lv_lost_percent": (0.0, 0.1, "{:.1f} % of the LV's pixels are cut away"),
}


@dataclass(frozen=True)
class Reading:
    """One subject on the grid, or the reason why there is none.

    subject: None where it was left out. record: its row of quality.csv. content: fingerprints of its images.
    trace: the traceback of an error that nobody foresaw.
    """

    subject: Subject | None
    record: dict
    content: frozenset[str] = frozenset()
    trace: str = ""


def record(scan: Subject, placement: Placement, grid: Grid) -> dict:
    """The row of a subject that was read. scan: on its own grid, as ``placement`` sees it."""
    row = {
        "id": scan.id,
        "split": scan.extra["split"],
        "status": "mended" if scan.extra.get("mended") else "read",
        "note": scan.extra.get("mended", ""),
        "slices_in_scan": len(scan.images),
        "slices_kept": len(placement.slices),
        "slice_gap_mm": round(scan.slice_gap_mm, 3),
        "spacing_mm": round(float(np.mean(scan.spacing_mm)), 4),
        "edv_ml": round(scan.edv_ml, 3),
        "esv_ml": round(scan.esv_ml, 3),
        "ef": round(scan.ef, 3),
        "lv_lost_percent": round(lv_lost_percent(scan, placement, grid), 4),
        "centre_error_mm": round(centre_error_mm(scan, placement), 2),
    }
    return row | {"remarks": "; ".join([*_remarks(row, grid), *([scan.extra["doubts"]] if scan.extra.get("doubts") else [])])}


def left_out(name: str, split: str, error: Exception) -> Reading:
    """The reading of a subject that could not be read: the sentence says why. Of an error that nobody foresaw it names the type."""
    row = {"id": name, "split": split, "status": "left out"}
    if isinstance(error, InputError):
        return Reading(None, row | {"note": str(error)})
    note = f"{name}: {reason(error)}; the traceback is in {ERRORS}"
    return Reading(None, row | {"note": note}, trace=f"{name}\n{''.join(traceback.format_exception(error))}\n")


def kinds(table: pd.DataFrame) -> str:
    """What was left out, odd and mended, by kind: a line each with its count and the first case. table: quality.csv."""
    lines = []
    for what, rows, column in (
        ("left out", table["status"] == "left out", "note"),
        ("odd", table["remarks"].fillna("") != "", "remarks"),
        ("mended", table["status"] == "mended", "note"),
    ):
        phrases = [(row.id, phrase) for row in table[rows].itertuples() for phrase in _phrases(getattr(row, column), what)]
        groups = pd.Series(phrases, dtype=object).groupby([_kind(phrase) for _, phrase in phrases], sort=False)
        for _, group in sorted(groups, key=lambda pair: -len(pair[1])):
            name, phrase = group.iloc[0]
            lines.append(f"{what}: {'' if what == 'left out' else f'{name}: '}{phrase}{f' ({len(group)} of this kind)' * (len(group) > 1)}")
    return "\n".join(lines)


def _phrases(text: str, what: str) -> list[str]:
    return [text] if what == "left out" else text.split("; ")


def _kind(phrase: str) -> str:
    """A phrase without what differs from subject to subject: the file it names and its numbers."""
    return re.sub(r"[-+]?\d[\d.]*(, [-+]?\d[\d.]*)*", "#", re.sub(r"^\S*[/\d]\S*: ", "", phrase))


def _remarks(row: dict, grid: Grid) -> Iterator[str]:
    for name, (low, high, words) in PLAUSIBLE.items():
        if row[name] < low or row[name] > high:
            yield words.format(row[name])
    if row["slices_kept"] < grid.minimum_slices:
        yield f"{row['slices_kept']} slices"


@dataclass
class Log:
    """Collects readings as they pass: their rows and fingerprints, but no pixels."""

    records: list[dict] = field(default_factory=list)
    contents: dict[str, frozenset[str]] = field(default_factory=dict)
    traces: list[str] = field(default_factory=list)

    def passing(self, readings) -> Iterator[Subject]:
        """Hand on the subjects that were read."""
        for reading in readings:
            self.records.append(reading.record)
            self.traces += [reading.trace] if reading.trace else []
            if reading.subject is not None:
                self.contents[reading.subject.id] = reading.content
                yield reading.subject

    def twins(self) -> pd.DataFrame:
        """Pairs of subjects with identical images."""
        return twins(self.contents, {row["id"]: row["split"] for row in self.records})

    def table(self) -> pd.DataFrame:
        """quality.csv: one row a subject in the order read; see COLUMNS."""
        table = pd.DataFrame(self.records).reindex(columns=COLUMNS)
        pairs = self.twins()
        both = pd.concat([pairs[["id", "other_id"]], pairs[["other_id", "id"]].set_axis(["id", "other_id"], axis=1)])
        table["same_images_as"] = table["id"].map(both.groupby("id")["other_id"].agg(" ".join))
        return table

    def refused(self) -> list[dict]:
        """The rows of subjects that were left out."""
        return [row for row in self.records if row["status"] == "left out"]
