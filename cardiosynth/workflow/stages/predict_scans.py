"""The command that measures scans with a model folder: a table, predictions.csv and a page for each scan."""

import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cardiosynth.data.scans import scan_names
from cardiosynth.data.volumes import QUANTITY
from cardiosynth.figures.prediction import page
from cardiosynth.judging.card import NOT_A_DEVICE
from cardiosynth.measuring.measure import Measurement, measure
from cardiosynth.measuring.model_folder import Model, load_model
from cardiosynth.study.ending import expected, reason
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import named, replaced
from cardiosynth.study.progress import bar

MAPS = {"edv": "edv_ml", "esv": "esv_ml", "none": None}
TABLE, LEFT_OUT, LOG = "predictions.csv", "left_out.csv", "errors.log"
UNPRINTABLE = "backslashreplace"  # names that are no UTF-8


@dataclass
class Outcome:
    """What became of the scans: rows of predictions.csv, lines for the terminal, scans left out with the reason, tracebacks."""

    rows: list[dict] = field(default_factory=list)
    lines: list[dict] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)


def predict(model_folder: Path, scans: list[str], out: Path, level: float, mapped: str) -> bool:
    """Measure scans, each alone: out/predictions.csv and out/<name>.png. level: of the intervals. mapped: a key of MAPS.

    A scan that cannot be measured is named on the error stream and in left_out.csv; the others go on; the traceback of what
    nobody expected goes to errors.log. The files take the place of an earlier run's. Returns whether all scans could be
    measured. Raises InputError, before anything is read, for a bad model, level, map or folder, and for two scans of one name.
    """
    if not 0 < level < 1:
        raise InputError(f"--level: {level:g}; expected a probability between 0 and 1, such as 0.9")
    if mapped not in MAPS:
        raise InputError(f"--map: {mapped!r}; expected {', '.join(MAPS)}")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file; name a folder for the results")
    names, model = scan_names(scans), load_model(model_folder)
    with replaced(out, _earlier(out), last=TABLE) as folder, named(out):
        outcome = _measured(model, dict(zip(names, scans)), folder, level, MAPS[mapped])
        _write(outcome, folder)
    _show(outcome, out, level, model.card["title"])
    return not outcome.left_out


def _earlier(out: Path) -> set[str]:
    """What an earlier run may have left in the folder: its tables and the pages that its predictions.csv names."""
    pages = []
    if (out / TABLE).is_file():
        try:
            pages = pd.read_csv(out / TABLE, usecols=["name", "scan"], dtype=str)["name"].dropna()
        except ValueError as error:  # no such columns, or no table at all
            raise InputError(f"{out / TABLE}: not made by this command; name a new folder, or an earlier result to be replaced") from error
    return {TABLE, LEFT_OUT, LOG, *(f"{name}.png" for name in pages)}


def _measured(model: Model, scans: dict[str, str], folder: Path, level: float, volume: str | None) -> Outcome:
    """Measure scans by name and write their pages. Whatever goes wrong in one leaves that one out."""
    outcome = Outcome()
    for name, scan in bar(list(scans.items()), "predict", every_s=2.0):
        try:
            one = measure(model, scan, name, level, volume)
            picture = page(one, model.card)
        except Exception as error:
            why = reason(error)
            if not expected(error):
                outcome.tracebacks.append(f"{scan}\n{''.join(traceback.format_exception(error))}")
                why += f" ({LOG} says where)"
            why = why if scan in why else f"{scan}: {why}"
            outcome.left_out.append((scan, why))
            print(f"left out: {why}", file=sys.stderr)
            continue
        (folder / f"{name}.png").write_bytes(picture)
        outcome.rows.append(one.row())
        outcome.lines.append(_line(one))
    return outcome


def _write(outcome: Outcome, folder: Path) -> None:
    if outcome.rows:
        table = pd.DataFrame(outcome.rows).astype({"ed_frame": "Int64", "es_frame": "Int64"})
        table.to_csv(folder / TABLE, index=False, errors=UNPRINTABLE)
    if outcome.left_out:
        pd.DataFrame(outcome.left_out, columns=["scan", "reason"]).to_csv(folder / LEFT_OUT, index=False, errors=UNPRINTABLE)
    if outcome.tracebacks:
        (folder / LOG).write_text("\n".join(outcome.tracebacks), encoding="utf-8", errors=UNPRINTABLE)


def _show(outcome: Outcome, out: Path, level: float, title: str) -> None:
    """The table, the warnings and where the files are, on the terminal."""
    rows, missing = outcome.rows, len(outcome.left_out)
    if rows:
        print(_shown(outcome.lines, level))
        for row in rows:
            for kind, told in (("warning", row["warnings"]), ("mended", row["mended"])):
                if told:
                    print(f"{row['name']}: {kind}: {told}")
        print(f"{out}: {TABLE} and {len(rows)} page{'s' * (len(rows) > 1)}. {title}. {NOT_A_DEVICE}")
    if missing:
        print(f"{out / LEFT_OUT}: {missing} of {len(rows) + missing} scans could not be measured, and why", file=sys.stderr)


def _line(one: Measurement) -> dict:
    """A scan's line on the terminal."""
    line = {"scan": one.name}
    for quantity, (name, unit) in QUANTITY.items():
        value, low, high = one.values(quantity)
        line[f"{name}, {unit}"] = f"{value:.0f} ({low:.0f} to {high:.0f})"
    return line | {"": "warning" if one.remarks else ""}


def _shown(lines: list[dict], level: float) -> str:
    return pd.DataFrame(lines).to_string(index=False) + f"\nin brackets: {100 * level:g} % interval"
