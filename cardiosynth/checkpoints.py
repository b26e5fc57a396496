"""Training states on disk as safetensors: nothing here pickles, and a killed training resumes.

Random numbers are not stored: every step draws from a generator seeded by (seed, step), so that a
resumed training sees what an uninterrupted one would have seen.
"""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from cardiosynth.errors import InputError


def save_tensors(path, tensors: dict[str, torch.Tensor], notes: dict) -> None:
    """Write named tensors with JSON-able notes, under the final name only when complete."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    save_file(plain, temporary, metadata={"notes": json.dumps(notes, sort_keys=True)})
    os.replace(temporary, path)


def load_tensors(path) -> tuple[dict[str, torch.Tensor], dict]:
    """Read what save_tensors wrote. Raises InputError naming a file that is missing or damaged."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; run the stage that makes it first")
    try:
        with safe_open(path, framework="pt") as stored:
            notes = json.loads((stored.metadata() or {}).get("notes", "{}"))
            return {name: stored.get_tensor(name) for name in stored.keys()}, notes
    except (SafetensorError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: damaged safetensors file ({error}); delete it and run the stage again") from error


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

    Returns None, changing nothing, where there is no file or it belongs to other parameters or data.
    """
    if not Path(path).is_file():
        return None
    tensors, notes = load_tensors(path)
    if notes.get("fingerprint") != fingerprint:
        return None
    for name, module in modules.items():
        module.load_state_dict(_under(tensors, f"module.{name}."))
    for name, optimizer in optimizers.items():
        states: dict[int, dict] = {}
        for key, value in _under(tensors, f"optimizer.{name}.").items():
            index, field = key.split(".", 1)
            states.setdefault(int(index), {})[field] = value
        optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})
    return notes


def _under(tensors: dict, prefix: str) -> dict:
    return {key[len(prefix):]: value for key, value in tensors.items() if key.startswith(prefix)}
