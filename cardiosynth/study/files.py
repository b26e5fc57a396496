"""Files and folders that are whole or not there: written under another name, which goes away again when writing fails."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cardiosynth.study.errors import InputError

PARTIAL = ".partial"
OURS = (PARTIAL, ".DS_Store")


@contextmanager
def whole(path) -> Iterator[Path]:
    """A temporary name beside ``path``; the file or folder made there takes the place of ``path`` when the block ends well.

    A block that fails leaves nothing and what stood there before; an OSError then names ``path``. A folder takes no place but that
    of an empty one.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    _discard(partial)  # of a run that was killed
    try:
        with named(path, partial):
            yield partial
            os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            _discard(partial)
        raise


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, values) -> None:
    """Write JSON, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def named(place, hidden=None) -> Iterator[None]:
    """An OSError from the block names ``place`` where it names no file (a full disk does not), or only ``hidden``."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename) == str(hidden):
            error.filename, error.filename2 = str(place), None
        raise


@contextmanager
def replaced(folder, names: set[str], last: str) -> Iterator[Path]:
    """A folder inside ``folder`` to be filled; what it holds takes the place of an earlier run's files when the block ends well.

    names: all that such a run may leave there. last: of these, the file without which the others mean nothing; it goes
    first and comes last, so that a kill never leaves files of two runs that look whole. A block that fails changes nothing.
    Raises InputError, before anything is made, where ``folder`` is a file or holds what no such run has made.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file; name a folder for the results")
    inside = folder.iterdir() if folder.exists() else ()
    strangers = sorted(path.name for path in inside if path.name not in names and not path.name.startswith(OURS))
    if strangers:
        raise InputError(f"{folder}: holds {strangers[0]}, which this command did not make; name a new folder, or an earlier result to be replaced")
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    partial = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}-{os.getpid()}-", dir=folder))
    try:
        with named(folder, partial):
            yield partial
        for name in sorted(names, key=lambda name: name != last):
            (folder / name).unlink(missing_ok=True)
        for path in sorted(partial.iterdir(), key=lambda path: path.name == last):
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what killed runs left. Raises InputError where another run is filling the folder now."""
    for path in folder.glob(f"{PARTIAL}*"):
        number = path.name.removeprefix(PARTIAL).strip("-").partition("-")[0]
        if number.isdigit() and int(number) != os.getpid() and _runs(int(number)):
            raise InputError(f"{folder}: another run (process {number}) is filling it; wait for it, or remove {path.name} if that is none")
        shutil.rmtree(path, ignore_errors=True)


def _runs(process: int) -> bool:
    if os.name == "nt":  # where a signal of 0 is no question
        return False
    try:
        os.kill(process, 0)  # asks only whether it is there
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
