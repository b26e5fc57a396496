"""The one loop of all trainings: a training that was killed goes on from its last state and ends with the same bytes."""

import time
from collections.abc import Iterator

from torch import nn
from torch.optim import Optimizer

from cardiosynth.networks.checkpoints import load_training, save_training
from cardiosynth.study.progress import bar

SAVE_EVERY_S = 30.0


def resume(
    state, modules: dict[str, nn.Module], optimizers: dict[str, Optimizer], identity: str, steps: int, title: str, progress: bool = True
) -> tuple[dict, Iterator[int]]:
    """The notes of a training, and the numbers of its steps that are still to be done.

    state: the file in which the training is kept, with its modules and optimizers, which are restored in place where it
    is of the same ``identity``. The notes are kept with them: ``step``, how many are done, ``log``, an empty list at
    first, and what the caller adds (JSON-able). All is saved every ``SAVE_EVERY_S`` seconds between two steps, and after the last.
    """
    notes = load_training(state, modules, optimizers, identity) or {"fingerprint": identity, "step": 0, "log": []}
    numbers = range(notes["step"], steps)
    return notes, _steps(bar(numbers, title) if progress else numbers, notes, lambda: save_training(state, modules, optimizers, notes))


def _steps(numbers, notes: dict, save) -> Iterator[int]:
    saved = time.monotonic()
    for number in numbers:
        yield number
        notes["step"] = number + 1
        if time.monotonic() - saved > SAVE_EVERY_S:
            save()
            saved = time.monotonic()
    save()
