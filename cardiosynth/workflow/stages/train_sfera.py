"""The stage that trains SFERA once and predicts with it."""

from pathlib import Path

import pandas as pd
import torch

from cardiosynth.data.cohort import Cohort
from cardiosynth.measuring.plan import Plan, inputs
from cardiosynth.measuring.predictions import predictions_frame
from cardiosynth.measuring.sfera_training import Hearts, apply, fit_ridge, train
from cardiosynth.networks.checkpoints import save_tensors
from cardiosynth.networks.sfera import Sfera, VolumeRidge, load
from cardiosynth.study import provenance
from cardiosynth.study.closure import mark
from cardiosynth.study.experiments import Training, experiment
from cardiosynth.study.files import sha256
from cardiosynth.study.provenance import MANIFEST, device, stage
from cardiosynth.study.study_file import Study, fingerprint


def train_sfera(study: Study, results: Path, training: Training) -> None:
    """models/<training>/: the network with its ridge, the log, and its predictions of held-out subjects."""
    plan, title = Plan.of(study, results, training), f"train {training.path}"
    parameters = study.subset("sfera", "seed") | {"training": training.path}
    with stage(results / "models" / training.path, title, parameters, __name__, _made_from(study, results, training)) as folder:
        hearts, validation, on = Hearts.of(*plan.train), Hearts.of(*plan.validation), device()
        network, value_range = _start(study, results, training, hearts)
        identity = fingerprint([_learning(study), training.path, value_range])
        network = train(network, hearts, validation, plan.schedule, value_range, folder, training.seed, on, identity, title)
        ridge = fit_ridge(network, Hearts.of(*plan.ridge), validation, value_range, on, study.sfera.ridge)
        notes = {"value_range": value_range, "training": training.path}
        save_tensors(folder / "sfera.safetensors", network.state_dict() | ridge.tensors(), notes)
        frames = [predict(cohort, name, training, network, ridge) for name, cohort in plan.held_out.items()]
        pd.concat(frames).to_csv(folder / "predictions.csv", index=False)


def up_to_date(study: Study, results: Path, training: Training) -> bool:
    """Whether a training is done, by this code and from what lies in the results now."""
    return provenance.up_to_date(results / "models" / training.path, _made_from(study, results, training))


def _made_from(study: Study, results: Path, training: Training) -> str:
    """A mark of the code, the settings and the manifests of all that a training is made from."""
    manifests = [results / folder / MANIFEST for folder in inputs(study, training)]
    settings = study.subset("sfera", "seed") | {"synthetic": study.questions.synthetic}
    if experiment(training.experiment).question == "zoom":
        settings |= {"zooms": [study.questions.zoom_scale, study.questions.zoom_ef]}
    return fingerprint([mark(__name__), settings, [sha256(path) for path in manifests if path.is_file()]])


def print_plan(study: Study, results: Path, training: Training) -> None:
    """Print who would learn from whom, how long, and whom it would predict."""
    print(Plan.of(study, results, training))


def _start(study: Study, results: Path, training: Training, hearts: Hearts) -> tuple[Sfera, tuple[float, float]]:
    """The network that a training starts from, and the range of volumes that its outputs are scaled by."""
    if training.start:
        network, _, notes = load_sfera(study, results, training.start)
        return network, tuple(notes["value_range"])
    torch.manual_seed(training.seed)
    network = Sfera(study.sfera, study.grid.size_px).to(memory_format=torch.channels_last)
    return network, (0.0, float(hearts.volumes.max()))


def load_sfera(study: Study, results: Path, training: Training) -> tuple[Sfera, VolumeRidge, dict]:
    """A trained network on the CPU, its ridge, and the notes of its training (``value_range``)."""
    return load(results / "models" / training.path / "sfera.safetensors", study.sfera, study.grid.size_px)


def _learning(study: Study) -> dict:
    """The settings that weights depend on: all but the ridge, which comes after; ``full`` augmentation goes without saying."""
    implied = {"ridge"} | ({"augmentation"} if study.sfera.augmentation == "full" else set())
    return {"sfera": study.sfera.model_dump(mode="json", exclude=implied)}


def predict(cohort: Cohort, dataset: str, training: Training, network: Sfera, ridge: VolumeRidge) -> pd.DataFrame:
    """Predictions of every subject of a cohort, as rows of predictions.csv."""
    gap = cohort.table[["slice_gap_mm"]].to_numpy()
    mean, sd = ridge.predict(apply(network, Hearts.of(cohort), device(), "features"))
    return predictions_frame(cohort, dataset, training.experiment, training.seed, mean * gap, sd * gap, ridge.correlation)
