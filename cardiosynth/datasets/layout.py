"""What every reader of a public layout shares: where a scan lies, and how a dataset's folder is found."""

from dataclasses import dataclass, field
from pathlib import Path

from cardiosynth.errors import InputError


@dataclass(frozen=True)
class Scan:
    """One subject of a layout, found but not read.

    id: how the cohort will call it. path: its folder (or, where a layout has no folders, the root).
    part: ``train``, ``validation`` or ``test``, as its publishers split it. facts: what the layout's own
    tables say of it (frame numbers, volumes, diagnosis).
    """

    id: str
    path: Path
    part: str
    facts: dict = field(default_factory=dict)


def find_root(data, dataset: str) -> Path:
    """The dataset's folder: ``data`` itself, or its sub-folder of the dataset's name. Raises InputError."""
    if data is None:
        raise InputError(f"{dataset}: no data folder given; call 'make study STUDY=... DATA=/path/to/{dataset}'")
    data = Path(data)
    if data.is_file():
        raise InputError(f"{data}: a file, not a folder; unpack it and name the folder of {dataset}")
    if not data.is_dir():
        raise InputError(f"{data}: no such folder; expected the folder of {dataset} or the folder that holds {dataset}/")
    root = data / dataset if (data / dataset).is_dir() else data
    if not any(root.iterdir()):
        raise InputError(f"{root}: an empty folder; expected the files of {dataset}")
    return root
