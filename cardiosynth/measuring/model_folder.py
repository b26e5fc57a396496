"""A trained model as a folder that can be passed on: the ensemble of networks, its study, what it has seen, and a card.

``seed-<n>.safetensors`` (network and ridge of one training), ``familiarity.safetensors``, ``study.yaml`` and ``card.json`` with
``card.md``; ``manifest.json``, which comes last, has the checksum of each safetensors file.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cardiosynth.measuring.familiarity import Familiarity, looks
from cardiosynth.measuring.inference import fast
from cardiosynth.measuring.sfera_training import Hearts, apply
from cardiosynth.measuring.uncertainty import Calibration, Forecast
from cardiosynth.networks.checkpoints import load_tensors
from cardiosynth.networks.sfera import Sfera, VolumeRidge, load
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import sha256
from cardiosynth.study.provenance import MANIFEST, device
from cardiosynth.study.study_file import Study, load_study

STUDY, CARD, FAMILIARITY = "study.yaml", "card.json", "familiarity.safetensors"


@dataclass(frozen=True)
class Model:
    """members: the networks, ready for prediction on the device, and their ridges, a pair a seed. card: what stands in card.json.

    calibration: of the ensemble's intervals, fitted on validation subjects.
    """

    study: Study
    members: list[tuple[Sfera, VolumeRidge]]
    familiarity: Familiarity
    card: dict
    calibration: Calibration = Calibration()

    def features(self, stacks: list[Tensor]) -> np.ndarray:
        """Features of hearts, (seeds, n, d), for ``forecast``. stacks: n of (slices, 2, H, W), uint8, on the study's grid, base to apex."""
        hearts = Hearts(stacks, np.full((len(stacks), 2), np.nan))
        return np.stack([apply(network, hearts, device(), "features", batch=1) for network, _ in self.members])

    def looks(self, stacks: list[Tensor]) -> np.ndarray:
        """What the early layers see of them, (seeds, n, d'), for ``familiarity``."""
        return np.stack([[looks(network, stack.to(device()).float().div_(255)) for stack in stacks] for network, _ in self.members])

    def forecast(self, features: np.ndarray, gaps_mm: np.ndarray) -> Forecast:
        """The ensemble's prediction from features (seeds, n, d). gaps_mm: (n,) distances between slices."""
        means, sds = zip(*(ridge.predict(own) for (_, ridge), own in zip(self.members, features)))
        gaps_mm = np.asarray(gaps_mm, float)[:, None]
        correlations = [ridge.correlation for _, ridge in self.members]
        return self.calibration.apply(Forecast.of_seeds(np.stack(means) * gaps_mm, np.stack(sds) * gaps_mm, correlations))


def member_file(seed: int) -> str:
    """The name of the file of one training."""
    return f"seed-{seed}.safetensors"


def load_model(folder) -> Model:
    """Open a model folder. Raises InputError in one sentence where it is absent, unfinished, damaged, or not one at all."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such model folder; the stage 'model' of a study makes results/<study>/model")
    for name in (STUDY, CARD, MANIFEST, FAMILIARITY):
        if not (folder / name).is_file():
            hint = f"did you mean {folder / 'model'}?" if (folder / "model" / CARD).is_file() else "name a folder that the stage 'model' made"
            raise InputError(f"{folder}: no {name}, so this is not a (whole) model folder; {hint}")
    study, card = load_study(folder / STUDY), _json(folder / CARD)
    _refuse_damaged(folder, _json(folder / MANIFEST).get("files", {}))
    members = [load(folder / member_file(seed), study.sfera, study.grid.size_px)[:2] for seed in study.seeds]
    members = [(fast(network).to(device()), ridge) for network, ridge in members]
    return Model(study, members, _familiarity(folder / FAMILIARITY, members, study.grid.size_px), card, _calibration(folder / CARD, card))


def _refuse_damaged(folder: Path, files: dict) -> None:
    for name, expected in files.items():
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: missing, though {MANIFEST} lists it; copy the whole model folder again")
        if sha256(folder / name) != expected:
            raise InputError(f"{folder / name}: damaged or changed (its SHA-256 is not that in {MANIFEST}); copy the whole model folder again")


def _familiarity(path: Path, members: list, size_px: int) -> Familiarity:
    images = torch.zeros(1, 2, size_px, size_px, device=device())
    expected = (len(members), len(looks(members[0][0], images)))
    try:
        known = Familiarity.from_tensors(load_tensors(path)[0])
    except KeyError as error:
        raise InputError(f"{path}: no tensor {error}; run the stage 'model' again") from error
    if known.centre.shape != expected or known.whitening.shape != (*expected, expected[1]) or not len(known.validation):
        raise InputError(
            f"{path}: of {known.centre.shape[0]} networks and {known.centre.shape[1]} channels, "
            f"but there are {expected[0]} and {expected[1]}; run the stage 'model' again"
        )
    return known


def _calibration(path: Path, card: dict) -> Calibration:
    try:
        factor, power, reference_ml = (card["calibration"][name] for name in ("factor", "power", "reference_ml"))
        return Calibration(float(factor), float(power), tuple(map(float, reference_ml)))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no calibration (factor, power, reference_ml) of the intervals; run the stage 'model' again") from error


def _json(path: Path) -> dict:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid JSON ({error}); copy the whole model folder again") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a JSON object; copy the whole model folder again")
    return values
