"""Training states on disk as safetensors: no pickled objects, and a killed training resumes.

Random numbers are not stored: every step draws from a generator seeded by (seed, step), so that a
resumed training sees what an uninterrupted one would have seen.
"""

import json
import os
import re
import sys
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from cardiosynth.study.errors import InputError
from cardiosynth.study.files import whole


def save_tensors(path, tensors: dict[str, torch.Tensor], notes: dict) -> None:
    """Write named tensors with JSON-able notes, under the final name only when complete."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with whole(path) as partial:
        try:
            save_file(plain, partial, metadata={"notes": json.dumps(notes, sort_keys=True)})
        except SafetensorError as error:
            raise _of_system(error) from error


def _of_system(error: SafetensorError) -> Exception:
    """What the system refused (a full disk, say) as the OSError that the library made words of."""
    number = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else error


def load_tensors(path) -> tuple[dict[str, torch.Tensor], dict]:
    """Read what save_tensors wrote. Raises InputError naming a file that is missing or damaged."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; run the stage that makes it first")
    try:
        with safe_open(path, framework="pt") as stored:
            notes = json.loads((stored.metadata() or {}).get("notes", "{}"))
            return {name: stored.get_tensor(name) for name in stored.keys()}, notes  # noqa: SIM118 (no mapping)
    except (SafetensorError, json.JSONDecodeError) as error:
        again = Path(path).parent / "manifest.json"
        raise InputError(f"{path}: damaged safetensors file ({error}); remove {again} and run the study again, which makes it anew") from error


def save_training(path, modules: dict, optimizers: dict, notes: dict) -> None:
    """Save modules and optimizers by name. notes should hold ``fingerprint`` and the progress made."""
    tensors = {f"module.{name}.{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    for name, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimizer.{name}.{index}.{key}"] = torch.as_tensor(value)
    save_tensors(path, tensors, notes)


def load_training(path, modules: dict, optimizers: dict, fingerprint: str) -> dict | None:
    """Restore what save_training wrote, in place, and return its notes.

    Returns None, changing nothing, where there is no file or it belongs to other parameters or data. So too where it is
    damaged or does not fit: it is then set aside beside its place, with a warning, as nothing else can be made of it.
    """
    if not Path(path).is_file():
        return None
    try:
        tensors, notes = load_tensors(path)
        if notes.get("fingerprint") != fingerprint:
            return None
        weights = {name: _weights(module, _under(tensors, f"module.{name}.")) for name, module in modules.items()}
        states = {name: _states(optimizer, _under(tensors, f"optimizer.{name}.")) for name, optimizer in optimizers.items()}
    except (InputError, AttributeError, IndexError, ValueError) as error:
        _set_aside(Path(path), "cut short or damaged" if isinstance(error, InputError) else str(error))
        return None
    for name, module in modules.items():
        module.load_state_dict(weights[name])
    for name, optimizer in optimizers.items():
        optimizer.load_state_dict({"state": states[name], "param_groups": optimizer.state_dict()["param_groups"]})
    return notes


def _weights(module, tensors: dict) -> dict:
    """The tensors of a module. Raises ValueError where names or shapes are not the module's."""
    expected = {name: value.shape for name, value in module.state_dict().items()}
    for name in sorted(expected.keys() ^ tensors.keys()):
        raise ValueError(f"{name} is {'missing' if name in expected else 'unknown'}")
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise ValueError(f"{name} has the shape {tuple(tensors[name].shape)} instead of {tuple(shape)}")
    return tensors


def _states(optimizer, tensors: dict) -> dict[int, dict]:
    """The state of an optimizer by the number of the parameter. Raises ValueError or IndexError where it is not this optimizer's."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    states: dict[int, dict] = {}
    for key, value in tensors.items():
        index, field = key.split(".", 1)
        if value.ndim and value.shape != parameters[int(index)].shape:
            raise ValueError(f"{key} has the shape {tuple(value.shape)} instead of {tuple(parameters[int(index)].shape)}")
        states.setdefault(int(index), {})[field] = value
    return states


def _set_aside(path: Path, why: str) -> None:
    aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
    os.replace(path, aside)
    print(
        f"warning: {path}: a saved training that cannot be gone on with ({why}); set aside as {aside.name}, the training starts again",
        file=sys.stderr,
    )


def _under(tensors: dict, prefix: str) -> dict:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
