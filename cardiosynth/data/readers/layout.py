"""What every reader of a public layout shares: where a scan lies, and how a dataset's folder is found."""

from dataclasses import dataclass, field
from pathlib import Path

from cardiosynth.study.errors import InputError

APEX_DIRECTION = (0.6, -0.6, -0.5)  # from base to apex in a patient: left, front, foot


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
    own = (folder for folder in folders_in(data) if folder.name.lower() == dataset and not (folder / "quality.csv").exists())
    root = next(own, data)  # a cohort of ours of that name is no dataset
    if not any(root.iterdir()):
        raise InputError(f"{root}: an empty folder; expected the files of {dataset}")
    return root


def visible(path: Path) -> bool:
    """Whether a name is one that somebody gave: not hidden, not a Mac's ``._`` twin, no lock file of a spreadsheet."""
    return not path.name.startswith((".", "~$")) and path.name not in ("__MACOSX", "Thumbs.db", "desktop.ini")


def files_below(folder: Path) -> list[Path]:
    """All visible files below a folder, in the order of their paths. Links to folders are followed, each folder once."""
    files, seen, waiting = [], set(), [Path(folder)]
    while waiting:
        place = waiting.pop()
        if (real := place.resolve()) in seen:
            continue
        seen.add(real)
        inside = sorted(path for path in place.iterdir() if visible(path))
        waiting += [path for path in reversed(inside) if path.is_dir()]
        # A link that leads nowhere cannot be read, which must be said.
        files += [path for path in inside if path.is_file() or (path.is_symlink() and not path.exists())]
    return sorted(files)


def folders_in(folder: Path) -> list[Path]:
    """The visible folders in a folder, links to folders among them, by name; none where it is not there."""
    return sorted(path for path in folder.iterdir() if visible(path) and path.is_dir()) if folder.is_dir() else []


@dataclass
class Notes:
    """Phrases on one subject. mended: what was put right. doubts: what looks wrong and was taken as it is."""

    mended: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def extra(self) -> dict[str, str]:
        """Both as further columns of a Subject, as far as there is anything to say."""
        return {name: "; ".join(dict.fromkeys(phrases)) for name, phrases in vars(self).items() if phrases}
