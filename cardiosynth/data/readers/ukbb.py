"""UK Biobank as the toolbox ukbb_cardiac lays it out (Bai et al., JCMR 2018), without the participants' ids.

``<eid>/`` holds ``sa_ED.nii.gz``, ``sa_ES.nii.gz``, ``label_sa_ED.nii.gz`` and ``label_sa_ES.nii.gz``; labels are 1 LV,
2 myocardium, 3 RV. The id that leaves this module is a salted hash of the folder's name, and no Scan, Subject or
message carries the name itself.
"""

import hashlib
import hmac
import os
import re
from functools import lru_cache
from pathlib import Path

from cardiosynth.data.readers import nifti
from cardiosynth.data.readers.layout import Scan, find_root, folders_in
from cardiosynth.data.readers.nifti_file import exists
from cardiosynth.data.subject import Subject
from cardiosynth.study.errors import InputError

SALT, SHORTEST_SALT = "CARDIOSYNTH_SALT", 16
LABELS = {1: 3, 2: 2, 3: 1}
IMAGES, MASKS = ["sa_ED.nii.gz", "sa_ES.nii.gz"], ["label_sa_ED.nii.gz", "label_sa_ES.nii.gz"]


def find(data) -> list[Scan]:
    """Every participant, sorted by hash so that the order tells nothing; all ``train``, as no split is published.

    path is the dataset's folder, not the participant's. Raises InputError where there is no salt or no participant.
    """
    salt = _salt()
    try:
        root = find_root(data, "ukbb")
    except InputError as error:
        raise InputError(_without_eids(str(error))) from None
    _folders.cache_clear()
    folders = _folders(root, salt)
    if not folders:
        raise InputError(_without_eids(f"{root}: no <eid>/{IMAGES[0]}; expected the folder that holds the participants' folders"))
    return [Scan(name, root, "train") for name in sorted(folders)]


def read(scan: Scan) -> Subject:
    """One participant on the scan's own grid, slices from base to apex, under the hashed id only."""
    folder = _folders(scan.path, _salt()).get(scan.id)
    if folder is None:
        raise InputError(f"{scan.id}: no folder has this hashed id; is {SALT} the one that it was found with?")
    try:
        frames = nifti.pair([folder / name for name in IMAGES], [folder / name for name in MASKS], LABELS)
        return nifti.subject(scan.id, "ukbb", frames, {}, folder)
    except InputError as error:  # its words, and those of its cause, name the folder
        message = str(error).replace(folder.name, scan.id)
        raise InputError(_without_eids(message)) from None
    except Exception as error:  # nor may what nobody foresaw carry the name into a log
        raise RuntimeError(_without_eids(f"{type(error).__name__}: {error}".replace(folder.name, scan.id))) from None


def hashed_id(eid: str) -> str:
    """``ukb-`` and twelve hexadecimal digits of HMAC-SHA256 of the eid, keyed by the salt. Raises InputError without one."""
    return _hashed(eid, _salt())


def _hashed(eid: str, salt: str) -> str:
    return "ukb-" + hmac.new(salt.encode(), eid.encode(), hashlib.sha256).hexdigest()[:12]


def _salt() -> str:
    salt = os.environ.get(SALT, "")
    if len(salt) < SHORTEST_SALT:
        raise InputError(
            f"{SALT}: {len(salt)} characters; expected at least {SHORTEST_SALT} that replace participant ids by hashes, so make one with "
            'python -c "import secrets; print(secrets.token_hex(16))", set it, keep it secret and keep it the same'
        )
    return salt


@lru_cache(maxsize=1)
def _folders(root: Path, salt: str) -> dict[str, Path]:
    """Hashed id -> folder, of the folders with at least one of the four files; listed once in a process."""
    return {_hashed(folder.name, salt): folder for folder in folders_in(root) if any(exists(folder / name) for name in IMAGES + MASKS)}


def _without_eids(message: str) -> str:
    """Seven digits alone are an eid, wherever in a path they stand."""
    return re.sub(r"(?<![0-9A-Za-z])[0-9]{7}(?![0-9A-Za-z])", "<eid>", message)
