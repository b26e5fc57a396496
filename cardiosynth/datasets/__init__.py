"""Readers of public layouts: one module a layout, each yielding Subjects on the scan's own grid."""

from pathlib import Path

from cardiosynth.errors import InputError


def find_root(data, dataset: str) -> Path:
    """The dataset's folder: ``data`` itself, or its sub-folder of the dataset's name. Raises InputError."""
    if data is None:
        raise InputError(f"{dataset}: no data folder given; call 'make study STUDY=... DATA=/path/to/{dataset}'")
    data = Path(data)
    if not data.is_dir():
        raise InputError(f"{data}: no such folder; DATA must be the folder of {dataset} or the folder that holds {dataset}/")
    return data / dataset if (data / dataset).is_dir() else data
