"""M&Ms (Campello et al., IEEE TMI 2021) and M&Ms-2 (Martin-Isla et al., IEEE JBHI 2023): many vendors, NIfTI.

M&Ms: ``Training/Labeled``, ``Validation`` and ``Testing`` hold ``<code>/<code>_sa.nii.gz`` and ``<code>_sa_gt.nii.gz``
over all phases; ED and ES, counted from 0, stand in ``*M&Ms_Dataset_information*.csv``. ``Training/Unlabeled`` is skipped:
its ``_gt`` files hold no masks. M&Ms-2: ``dataset/NNN/NNN_SA_ED.nii.gz`` and so on with ``dataset_information.csv``;
001-160 are training, 161-200 validation, 201-360 test. Labels of both: 1 LV, 2 myocardium, 3 RV. Some direction
cosines are not orthonormal, which ITK refuses and nibabel does not mind; only pixdim is used here.
"""

import re
from pathlib import Path

from cardiosynth.data.readers import nifti
from cardiosynth.data.readers.layout import Scan, find_root, folders_in, visible
from cardiosynth.data.spreadsheet import rows_of
from cardiosynth.data.subject import Subject
from cardiosynth.study.errors import InputError

PARTS = {"Training/Labeled": "train", "Validation": "validation", "Testing": "test"}
LABELS = {1: 3, 2: 2, 3: 1}
FIRST_TABLE, SECOND_TABLE = "M&Ms_Dataset_information", "dataset_information.csv"
FIRST_FACTS = {"ED": "ED", "ES": "ES", "VendorName": "vendor", "Centre": "centre", "Pathology": "pathology"}
SECOND_FACTS = {"VENDOR": "vendor", "SCANNER": "scanner", "FIELD": "field", "DISEASE": "pathology"}
LAST_TRAIN, LAST_VALIDATION = 160, 200


def find(data) -> list[Scan]:
    """The labelled patients, training first. Raises InputError where neither layout is there, or both are.

    facts: ``table``, whether the patient is ``listed`` there, and what the row says; age, sex, height and weight are
    left out. Of two releases of M&Ms's table the later one counts (their names start with the date).
    """
    root = find_root(data, "mnms")
    first = [path for path in sorted(root.glob("*.csv")) if visible(path) and FIRST_TABLE.lower() in path.name.lower()]
    second = root / SECOND_TABLE
    if bool(first) == second.is_file():
        tables = "both" if first else "neither"
        raise InputError(f"{root}: {tables} of *{FIRST_TABLE}*.csv (M&Ms) and {SECOND_TABLE} (M&Ms-2); name the unpacked folder, which holds one")
    return _find_first(root, first[-1]) if first else _find_second(root, second)


def read(scan: Scan) -> Subject:
    """One patient on the scan's own grid, slices from base to apex. extra: vendor, pathology and, as the table has
    them, centre or scanner and field. Raises InputError where the table lacks the patient or a frame number."""
    table = scan.facts["table"]
    extra = {key: value for key, value in scan.facts.items() if key not in ("table", "listed", "ED", "ES")}
    if not scan.facts["listed"]:
        raise InputError(f"{scan.path}: {table} has no row for {scan.path.name}; expected one for each patient")
    if table == SECOND_TABLE:
        images, masks = ([scan.path / f"{scan.path.name}_SA_{phase}{suffix}.nii.gz" for phase in ("ED", "ES")] for suffix in ("", "_gt"))
        return nifti.subject(scan.id, "mnms2", nifti.pair(images, masks, LABELS), extra, scan.path)
    path, mask_path = (scan.path / f"{scan.id}_sa{suffix}.nii.gz" for suffix in ("", "_gt"))
    numbers = [_frame_number(scan, phase) for phase in ("ED", "ES")]
    return nifti.subject(scan.id, "mnms", nifti.two_phases(path, mask_path, numbers, LABELS, table), extra, scan.path)


def _find_first(root: Path, table: Path) -> list[Scan]:
    rows = _table(table, ["External code", "ED", "ES"], FIRST_FACTS)
    scans = [
        Scan(folder.name, folder, part, _facts(table, rows.get(folder.name.upper())))
        for name, part in PARTS.items()
        for folder in folders_in(root / name)
    ]
    if not scans:
        raise InputError(f"{root}: no patient in {', '.join(PARTS)}; expected <code>/<code>_sa.nii.gz and <code>_sa_gt.nii.gz there")
    return scans


def _find_second(root: Path, table: Path) -> list[Scan]:
    rows = _table(table, ["SUBJECT_CODE"], SECOND_FACTS)
    rows = {code.zfill(3): facts for code, facts in rows.items()}
    scans = [
        Scan(f"mnms2-{folder.name}", folder, _second_part(int(folder.name)), _facts(table, rows.get(folder.name.upper())))
        for folder in folders_in(root / "dataset")
        if re.fullmatch("[0-9]{3}", folder.name)
    ]
    if not scans:
        raise InputError(f"{root}: no dataset/NNN folders; expected M&Ms-2's dataset/001 to dataset/360")
    return scans


def _second_part(number: int) -> str:
    return "train" if number <= LAST_TRAIN else "validation" if number <= LAST_VALIDATION else "test"


def _facts(table: Path, row: dict | None) -> dict:
    return {"table": table.name, "listed": row is not None, **(row or {})}


def _table(path: Path, needed: list[str], facts: dict[str, str]) -> dict[str, dict]:
    """Code, in capitals -> facts as text, of the named columns only, as far as the release has them.

    needed: columns that must be there, the code first. Of a code that stands there twice, values that differ are joined by "or".
    Raises InputError where the file is no such table.
    """
    result: dict[str, dict] = {}
    for row in rows_of(path, [{name.lower() for name in needed}], f"the publishers' own table with {', '.join(needed)}"):
        if code := row[needed[0].lower()].removesuffix(".0").upper():
            row_facts = {ours: row[theirs.lower()] for theirs, ours in facts.items() if theirs.lower() in row}
            known = result.get(code, {})
            result[code] = {name: " or ".join(dict.fromkeys([known.get(name, value), value])) for name, value in row_facts.items()}
    return result


def _frame_number(scan: Scan, phase: str) -> int:
    text = scan.facts[phase]
    if not re.fullmatch(r"[0-9]+(\.0)?", text):  # .0 where a spreadsheet wrote the column
        raise InputError(f"{scan.path}: {scan.facts['table']} gives {phase} as {text!r}; expected a frame number, counted from 0")
    return int(float(text))
