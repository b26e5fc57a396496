"""Tables of reference volumes beside the Data Science Bowl's images."""

from pathlib import Path

from cardiosynth.data.spreadsheet import rows_of
from cardiosynth.study.errors import InputError

KEYS = {"diastole": "edv_ml", "systole": "esv_ml"}
COLUMNS = [{"id", *KEYS}, {"id", "volume"}]
EXPECTED = "Id,Systole,Diastole with numbers in ml, or rows like 701_Diastole,142.3 under Id,Volume"


def volumes(places: list[Path]) -> dict[int, dict]:
    """EDV and ESV (ml) by patient, of all the tables that are there; ``fault`` where one is no number or two differ.

    Rows are ``Id,Systole,Diastole``, or two a patient as ``701_Diastole,Volume``; further columns, rows without a patient's number
    and empty cells are passed over. Raises InputError naming a file that is no such table.
    """
    result: dict[int, dict] = {}
    for path in places:
        for row in rows_of(path, COLUMNS, EXPECTED) if path.is_file() else []:
            for number, key, text in _cells(row, path):
                _add(result.setdefault(number, {}), key, text, f"{path}: patient {number}")
    return result


def _add(facts: dict, key: str, text: str, where: str) -> None:
    try:
        volume = float(text.replace(",", "."))
    except ValueError:
        facts.setdefault("fault", f"{where} has {text!r} as {key[:3].upper()}; expected a number in ml")
        return
    if facts.setdefault(key, volume) != volume:
        facts.setdefault("fault", f"{where} has {volume:g} ml as {key[:3].upper()}, and {facts[key]:g} ml stood before; keep one")


def _cells(row: dict[str, str], path: Path) -> list[tuple[int, str, str]]:
    """(patient, ``edv_ml`` or ``esv_ml``, text) of every cell that is not empty."""
    name, _, when = row["id"].partition("_")
    number = name.removesuffix(".0")
    if not (number.isascii() and number.isdigit()):
        return []
    if "volume" in row and when.lower() not in KEYS:
        raise InputError(f"{path}: the Id {row['id']} ends neither in _Diastole nor in _Systole; expected {EXPECTED}")
    cells = [(KEYS[when.lower()], row["volume"])] if "volume" in row else [(key, row[head]) for head, key in KEYS.items()]
    return [(int(number), key, text) for key, text in cells if text.lower() not in ("", "nan", "na")]
