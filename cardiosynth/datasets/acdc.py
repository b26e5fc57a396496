"""ACDC, official layout (Bernard et al., IEEE TMI 2018): 150 patients as NIfTI with ED and ES masks.

``training/patientNNN/`` and ``testing/patientNNN/`` hold ``Info.cfg`` (1-based ED and ES frames),
``patientNNN_frameFF.nii.gz`` and ``patientNNN_frameFF_gt.nii.gz``. The affine claims 1 mm; the true
spacing stands in the header's pixdim. Labels are already 0 background, 1 RV, 2 myocardium, 3 LV.
"""

import hashlib
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from cardiosynth.cohort import SPLITS, Subject
from cardiosynth.datasets import find_root
from cardiosynth.errors import InputError
from cardiosynth.volumes import LV, volume_ml

REDUCED_EF = 40.0
REDUCED_TRAIN, REDUCED_VALIDATION, OTHER_VALIDATION = 3, 1, 15


def folders(data) -> list[Path]:
    """Patient folders of the official layout, training first. Raises InputError where there is none."""
    root = find_root(data, "acdc")
    found = [p for part in ("training", "testing") for p in sorted((root / part).glob("patient[0-9][0-9][0-9]")) if p.is_dir()]
    if not found:
        raise InputError(f"{root}: no training/patientNNN or testing/patientNNN folders; expected ACDC's official layout")
    return found


def read(folder: Path) -> Subject:
    """One patient on the scan's own grid, slices from base to apex.

    extra: ``group`` (diagnosis), ``part`` (training or testing) and ``content``, a hash of the pixels.
    """
    info = _info(folder / "Info.cfg")
    frames = [_frame(folder, info, phase) for phase in ("ED", "ES")]
    (ed, ed_mask, zooms), (es, es_mask, es_zooms) = frames
    if ed.shape != es.shape or not np.allclose(zooms, es_zooms):
        raise InputError(f"{folder}: ED and ES frames differ in shape or spacing ({ed.shape} and {es.shape}); expected one grid")
    images, masks = np.stack([ed, es], axis=1), np.stack([ed_mask, es_mask], axis=1)
    if _apex_first(masks):
        images, masks = images[::-1], masks[::-1]
    volumes = volume_ml(masks, zooms[0] * zooms[1], zooms[2])
    content = hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()
    extra = {"group": info.get("Group", ""), "part": folder.parent.name, "content": content}
    return Subject(folder.name, "acdc", images, masks, zooms[:2], zooms[2], float(volumes[0]), float(volumes[1]), extra)


def load_split(path) -> dict[str, str]:
    """A split file: id -> train, validation, test or extra_test; patients marked ``excluded`` are left away.

    Raises InputError naming the file where it is missing, lacks a column or holds another word.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such split file; expected a CSV with the columns id and split")
    table = pd.read_csv(path, comment="#", dtype=str)
    if not {"id", "split"} <= set(table):
        raise InputError(f"{path}: columns {', '.join(table)}; expected id and split")
    unknown = sorted(set(table["split"]) - {*SPLITS, "excluded"})
    if unknown:
        raise InputError(f"{path}: unknown split {unknown[0]!r}; expected {', '.join(SPLITS)} or excluded")
    return dict(table.loc[table["split"] != "excluded", ["id", "split"]].itertuples(index=False))


def split_rule(table: pd.DataFrame) -> pd.DataFrame:
    """The rule behind the committed split, as columns id, split, reason.

    table: id, part, ef (percent), content. The official test patients are ``test``. A training patient
    whose pixels also stand under another name goes (the later name, or the twin of a test patient).
    Of the rest, sorted by EF, an even pick of OTHER_VALIDATION patients with EF of 40 % or more is
    ``validation``, the others ``train``; of those below 40 %, an even pick of four gives three to
    ``train`` and the second to ``validation``, and the remainder is ``extra_test``: the training EFs
    are then as imbalanced as the paper's (6 % below 40 %).
    """
    table = table.sort_values("id")
    rows = {name: ("test", "official test patient") for name in table.loc[table.part == "testing", "id"]}
    owner = {content: name for content, name in table.loc[table.part == "testing", ["content", "id"]].itertuples(index=False)}
    for content, name in table.loc[table.part == "training", ["content", "id"]].itertuples(index=False):
        if owner.setdefault(content, name) != name:
            rows[name] = ("excluded", f"same images as {owner[content]}")
    rest = table[~table.id.isin(rows)].sort_values(["ef", "id"])
    low, other = rest[rest.ef < REDUCED_EF].id.tolist(), rest[rest.ef >= REDUCED_EF].id.tolist()
    picked = _evenly(low, REDUCED_TRAIN + REDUCED_VALIDATION)
    rows |= {name: ("extra_test", "reduced EF beyond the imbalance") for name in low}
    rows |= {name: ("train", "reduced EF, even pick") for name in picked}
    rows[picked[1]] = ("validation", "reduced EF, even pick")
    rows |= {name: ("train", "EF of 40 % or more") for name in other}
    rows |= {name: ("validation", "EF of 40 % or more, even pick") for name in _evenly(other, OTHER_VALIDATION)}
    return pd.DataFrame([(name, *rows[name]) for name in sorted(rows)], columns=["id", "split", "reason"])


def _evenly(names: list[str], count: int) -> list[str]:
    return [names[int((i + 0.5) * len(names) / count)] for i in range(count)]


def _info(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise InputError(f"{path}: missing; ACDC keeps the ED and ES frame numbers there")
    info = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    info = {key.strip(): value.strip() for key, value in info.items()}
    for key in ("ED", "ES"):
        if not info.get(key, "").isdigit():
            raise InputError(f"{path}: {key} is {info.get(key)!r}; expected a frame number")
    return info


def _frame(folder: Path, info: dict, phase: str):
    """Image (slices, H, W), mask and zooms (row, column, gap) of one phase."""
    path = folder / f"{folder.name}_frame{int(info[phase]):02d}.nii.gz"
    image, zooms = _nifti(path)
    mask, _ = _nifti(path.with_name(path.name.replace(".nii.gz", "_gt.nii.gz")))
    if mask.shape != image.shape:
        raise InputError(f"{path}: the mask has shape {mask.shape}, the image {image.shape}; they must agree")
    if not (mask == LV).any():
        raise InputError(f"{path}: the {phase} mask holds no LV (label {LV}); expected ACDC's labels 1 RV, 2 myocardium, 3 LV")
    if not np.array_equal(mask, np.rint(mask)):
        raise InputError(f"{path}: the {phase} mask holds fractional labels; expected 0, 1, 2, 3")
    return image, mask.astype(np.int16), zooms


def _nifti(path: Path):
    """Array as (slices, rows, columns) and its zooms, from pixdim because the affine is wrong."""
    if not path.is_file():
        raise InputError(f"{path}: missing; expected ACDC's official file names")
    try:
        nifti = nib.load(path)
        array = np.asarray(nifti.dataobj)
    except (OSError, EOFError, ValueError, zlib.error, nib.filebasedimages.ImageFileError) as error:
        raise InputError(f"{path}: cannot be read as NIfTI ({error}); is the download complete?") from error
    if array.ndim != 3:
        raise InputError(f"{path}: has {array.ndim} dimensions; expected 3 (rows, columns, slices)")
    return np.moveaxis(array, (2, 1, 0), (0, 1, 2)), tuple(float(z) for z in nifti.header.get_zooms()[1::-1]) + (
        float(nifti.header.get_zooms()[2]),
    )


def _apex_first(masks: np.ndarray) -> bool:
    """Whether the LV is smaller at the first end of the stack than at the last, at ED."""
    areas = (masks[:, 0] == LV).sum(axis=(1, 2))
    areas = areas[areas > 0]
    third = max(len(areas) // 3, 1)
    return areas[:third].mean() < areas[-third:].mean()
