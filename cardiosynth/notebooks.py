"""Running a notebook by papermill, after checking its parameters: papermill passes unknown ones silently."""

import logging
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from traitlets.config import Config

from cardiosynth.errors import InputError


def parse_parameters(pairs: list[str]) -> dict:
    """``name=value`` strings as a mapping, values read as YAML. Raises InputError for other strings."""
    parameters = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"parameter {pair!r}: expected name=value, for example results=../results/laptop")
        parameters[name] = yaml.safe_load(value)
    return parameters


def check_parameters(notebook: Path, parameters: dict) -> None:
    """Raise InputError when a parameter is not in the notebook's parameters cell or has another type."""
    import papermill

    if not notebook.is_file():
        raise InputError(f"{notebook}: no such notebook; they are in notebooks/")
    known = papermill.inspect_notebook(str(notebook))
    for name, value in parameters.items():
        if name not in known:
            raise InputError(f"{notebook}: unknown parameter {name!r}; it has {', '.join(sorted(known)) or 'none'}")
        default = yaml.safe_load(known[name]["default"])
        if type(value) is not type(default) and not (isinstance(default, float) and isinstance(value, int)):
            raise InputError(f"{notebook}: parameter {name} is {value!r}; expected a {type(default).__name__} like {default!r}")


def run_notebook(notebook, output, parameters: dict) -> None:
    """Execute with the notebook's folder as working directory; the output appears when all cells ran.

    A notebook that fails leaves its state beside the output under ``.partial`` for a look, and raises
    InputError naming notebook and cell error.
    """
    import papermill

    notebook, output = Path(notebook), Path(output)
    check_parameters(notebook, parameters)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.partial.ipynb")
    try:
        with TemporaryDirectory() as sockets:  # local sockets: no open ports, and kernels side by side do not meet
            papermill.execute_notebook(
                str(notebook), str(partial), parameters, cwd=str(notebook.parent), kernel_name="python3",
                progress_bar=False, config=Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}),
            )
    except papermill.PapermillExecutionError as error:
        raise InputError(f"{notebook}: cell {error.exec_count} failed with {error.ename}: {error.evalue}; see {partial}") from error
    os.replace(partial, output)
