"""The command that measures scans with a model folder: a table, predictions.csv and a page for each scan."""

import sys
from pathlib import Path

import pandas as pd

from cardiosynth.card import NOT_A_DEVICE
from cardiosynth.errors import InputError
from cardiosynth.figures.prediction import page
from cardiosynth.figures.style import QUANTITY, write_bytes
from cardiosynth.measuring import Measurement, measure
from cardiosynth.model import load_model
from cardiosynth.progress import bar
from cardiosynth.scans import scan_names

MAPS = {"edv": "edv_ml", "esv": "esv_ml", "none": None}


def predict(model_folder: Path, scans: list[str], out: Path, level: float, mapped: str) -> bool:
    """Measure scans, each alone: out/predictions.csv and out/<name>.png. level: of the intervals. mapped: a key of MAPS.

    A scan that cannot be measured is named on the error stream and left out; the others go on. Returns whether all could be.
    Raises InputError, before anything is read, for a bad model, level, map or folder, and for two scans of one name.
    """
    if not 0 < level < 1:
        raise InputError(f"--level: {level:g}; expected a probability between 0 and 1, such as 0.9")
    if mapped not in MAPS:
        raise InputError(f"--map: {mapped!r}; expected {', '.join(MAPS)}")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file; name a folder for the results")
    names, model, measured = scan_names(scans), load_model(model_folder), []
    for name, scan in bar(list(zip(names, scans)), "predict", every_s=2.0):
        try:
            one = measure(model, scan, name, level, MAPS[mapped])
        except InputError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        out.mkdir(parents=True, exist_ok=True)
        write_bytes(out / f"{name}.png", page(one, model.card))
        measured.append((one.row(), _line(one)))
    if measured:
        rows, lines = zip(*measured)
        table = pd.DataFrame(rows).astype({"ed_frame": "Int64", "es_frame": "Int64"})
        write_bytes(out / "predictions.csv", table.to_csv(index=False).encode())
        print(_shown(lines, level))
        print(*(f"{row['name']}: warning: {row['warnings']}" for row in rows if row["warnings"]), sep="\n", end="\n" * any(table["warnings"]))
        print(f"{out}: predictions.csv and {len(rows)} page{'s' * (len(rows) > 1)}. {model.card['title']}. {NOT_A_DEVICE}")
    return len(measured) == len(scans)


def _line(one: Measurement) -> dict:
    """A scan's line on the terminal."""
    line = {"scan": one.name}
    for quantity, (name, unit) in QUANTITY.items():
        value, low, high = one.values(quantity)
        line[f"{name}, {unit}"] = f"{value:.0f} ({low:.0f} to {high:.0f})"
    return line | {"": "warning" if one.remarks else ""}


def _shown(lines: tuple[dict, ...], level: float) -> str:
    return pd.DataFrame(lines).to_string(index=False) + f"\nin brackets: {100 * level:g} % interval"
