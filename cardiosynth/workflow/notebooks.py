"""Running a notebook by papermill, after checking its parameters: papermill passes unknown ones silently."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from traitlets.config import Config

from cardiosynth import ROOT
from cardiosynth.data.readers.layout import files_below
from cardiosynth.study.errors import InputError

SOURCES = ("data/paper", "data/results", "data/protocol.yaml", "data/sources.yaml")  # what pages read beside the results
SOCKET = "kernel"  # the kernel's five sockets are called kernel-1 to kernel-5


def pages() -> list[Path]:
    """The study's notebooks, in the order of the book."""
    return sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))


def files(*places: str) -> list[Path]:
    """Files of the checkout and those below its folders, but hidden ones and an editor's copies (``page.md~``)."""
    below = [path for place in places for path in ([ROOT / place] if (ROOT / place).is_file() else files_below(ROOT / place))]
    return [path for path in below if not path.name.startswith("#") and not path.name.endswith("~")]


def sources() -> list[Path]:
    """The files of SOURCES."""
    return files(*SOURCES)


def parse_parameters(pairs: list[str]) -> dict[str, str]:
    """``name=value`` strings as a mapping, values still text. Raises InputError for other strings."""
    parameters = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"parameter {pair!r}: expected name=value, for example results=../results/laptop")
        parameters[name] = value
    return parameters


def check_parameters(notebook: Path, parameters: dict) -> dict:
    """The parameters as values: text is read as YAML, but stays as it is (a folder called 2024, say) where the notebook's is a text.

    Raises InputError when a parameter is not in the notebook's parameters cell or has another type.
    """
    import papermill

    if not notebook.is_file():
        raise InputError(f"{notebook}: no such notebook; they are in notebooks/")
    known, values = papermill.inspect_notebook(str(notebook)), {}
    for name, value in parameters.items():
        if name not in known:
            raise InputError(f"{notebook}: unknown parameter {name!r}; it has {', '.join(sorted(known)) or 'none'}")
        default = yaml.safe_load(known[name]["default"])
        value = _read(value, isinstance(default, str)) if isinstance(value, str) else value
        if type(value) is not type(default) and not (isinstance(default, float) and isinstance(value, int)):
            raise InputError(f"{notebook}: parameter {name} is {value!r}; expected a {type(default).__name__} like {default!r}")
        values[name] = value
    return values


def _read(text: str, wanted: bool):
    """A value of YAML; where a text is wanted, the text itself, without quotes about it."""
    if wanted and not (len(text) > 1 and text[0] == text[-1] and text[0] in "'\""):
        return text
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):  # which the check of types then refuses
        return text


def run_notebook(notebook, output, parameters: dict) -> None:
    """Execute with the notebook's folder as working directory; the output appears when all cells ran.

    A notebook that fails leaves its state beside the output under ``.partial`` for a look, and raises
    InputError naming notebook and cell error.
    """
    import papermill

    notebook, output = Path(notebook), Path(output)
    values = check_parameters(notebook, parameters)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.partial.ipynb")
    try:
        with _connection() as manager:
            papermill.execute_notebook(
                str(notebook),
                str(partial),
                values,
                cwd=str(notebook.parent),
                kernel_name="python3",
                progress_bar=False,
                config=Config({"KernelManager": manager}),
            )
    except papermill.PapermillExecutionError as error:
        raise InputError(f"{notebook}: cell {error.exec_count} failed with {error.ename}: {error.evalue}; see {partial}") from error
    except RuntimeError as error:  # the kernel never answered, or died
        raise InputError(f"{notebook}: its kernel stopped ({' '.join(str(error).split())}); is there enough memory?") from error
    os.replace(partial, output)


@contextmanager
def _connection() -> Iterator[dict]:
    """Settings of a kernel's connection: local sockets, so that no ports are open and kernels side by side do not meet.

    Their paths are short by law of the system (107 bytes on Linux). Where the temporary folder's is too long, /tmp takes
    them; where there is no such place, as on Windows, the kernel listens on this machine's own ports.
    """
    import zmq

    for folder in (None, "/tmp") if zmq.has("ipc") else ():
        try:
            sockets = TemporaryDirectory(dir=folder)
        except OSError:  # it may not be written
            continue
        with sockets as place:
            if len(os.fsencode(f"{place}/{SOCKET}-5")) <= zmq.IPC_PATH_MAX_LEN:
                yield {"transport": "ipc", "ip": f"{place}/{SOCKET}", "connection_file": f"{place}/{SOCKET}.json"}
                return
    with TemporaryDirectory() as place:
        yield {"transport": "tcp", "ip": "127.0.0.1", "connection_file": f"{place}/{SOCKET}.json"}
