"""Stages that train SFERA, predict with it and time it."""

import time
from pathlib import Path

import pandas as pd
import torch

from cardiosynth.checkpoints import save_tensors
from cardiosynth.cohort import Cohort
from cardiosynth.experiments import EXPERIMENTS, Training, datasets, evaluated_on
from cardiosynth.inference import fast
from cardiosynth.predictions import predictions_frame
from cardiosynth.provenance import device, stage
from cardiosynth.sfera import Sfera, VolumeRidge, load
from cardiosynth.stages import HELD_OUT
from cardiosynth.study import Study, fingerprint
from cardiosynth.training import Hearts, Schedule, apply, train


def train_sfera(study: Study, results: Path, training: Training) -> None:
    """models/<training>/: the network with its ridge, the log, and its predictions of held-out subjects."""
    parameters = study.subset("sfera", "seed") | {"training": training.path}
    with stage(results / "models" / training.path, f"train {training.path}", parameters) as folder:
        train_hearts, validation_hearts = (_hearts(study, results, training, split) for split in ("train", "validation"))
        torch.manual_seed(training.seed)
        network = Sfera(study.sfera, study.grid.size_px).to(memory_format=torch.channels_last)
        value_range = (0.0, float(train_hearts.volumes.max()))
        if training.start:
            network, _, notes = load_sfera(study, results, training.start)
            value_range = tuple(notes["value_range"])
        identity = fingerprint([study.subset("sfera"), training.path, value_range])
        network = train(network, train_hearts, validation_hearts, _schedule(study, training), value_range, folder,
                        training.seed, device(), identity, f"train {training.path}")
        fitted = [apply(network, hearts, device(), "features") for hearts in (train_hearts, validation_hearts)]
        ridge = VolumeRidge.fit(fitted[0], train_hearts.volumes, fitted[1], validation_hearts.volumes)
        notes = {"value_range": value_range, "training": training.path, "study": study.model_dump(mode="json")}
        save_tensors(folder / "sfera.safetensors", network.state_dict() | ridge.tensors(), notes)
        held_out = {name: Cohort.open(results / "cohorts" / name).split(*HELD_OUT) for name in evaluated_on(training, study)}
        frames = [predict(cohort, name, training, network, ridge) for name, cohort in held_out.items()]
        pd.concat(frames).to_csv(folder / "predictions.csv", index=False)


def load_sfera(study: Study, results: Path, training: Training) -> tuple[Sfera, VolumeRidge, dict]:
    """A trained network on the CPU, its ridge, and the notes of its training (``value_range``, the study)."""
    return load(results / "models" / training.path / "sfera.safetensors", study.sfera, study.grid.size_px)


def _schedule(study: Study, training: Training) -> Schedule:
    """Fine-tuning starts gently; pre-training on half the subjects takes twice the epochs, for as many updates."""
    settings, experiment = study.sfera, EXPERIMENTS[training.experiment]
    if experiment.start:
        return Schedule(settings.fine_tuning_epochs, settings.batch, settings.fine_tuning_rate)
    if experiment.data == "synthetic":
        return Schedule(settings.synthetic_epochs * (1 if experiment.selection == "all" else 2), settings.batch, settings.rate)
    return Schedule(settings.real_epochs, settings.batch, settings.rate)


def _hearts(study: Study, results: Path, training: Training, split: str) -> Hearts:
    """The subjects that a training learns from (split ``train``) or chooses its best epoch by (``validation``)."""
    experiment = EXPERIMENTS[training.experiment]
    if experiment.data == "synthetic":
        cohort = Cohort.open(results / "synthetic" / "images").split(split)
        if experiment.selection != "all" and split == "train":
            column = experiment.selection.replace("-", "_")
            cohort = cohort.take(cohort.table.index[cohort.table[column]])
        return Hearts.of(cohort)
    names = datasets(study) if experiment.data == "both" else [training.dataset]
    return Hearts.of(*(Cohort.open(results / "cohorts" / name).split(split) for name in names))


def predict(cohort: Cohort, dataset: str, training: Training, network: Sfera, ridge: VolumeRidge) -> pd.DataFrame:
    """Predictions of every subject of a cohort, as rows of predictions.csv."""
    gap = cohort.table[["slice_gap_mm"]].to_numpy()
    mean, sd = ridge.predict(apply(network, Hearts.of(cohort), device(), "features"))
    return predictions_frame(cohort, dataset, training.experiment, training.seed, mean * gap, sd * gap, ridge.correlation)


def time_inference(study: Study, results: Path) -> None:
    """inference/: seconds per subject (CNN, LSTM and ridge, one subject at a time, images already in memory).

    The warm-up is a whole round over the subjects: the first stack of each number of slices sets up its convolutions.
    """
    training = Training("RSP", study.datasets.a, study.seeds[0])
    with stage(results / "inference", "inference time", study.subset("sfera")) as folder:
        network, ridge, _ = load_sfera(study, results, training)
        network = fast(network).to(device())
        cohort = Cohort.open(results / "cohorts" / study.datasets.a).split("test")
        hearts = Hearts.of(cohort)
        for _ in ("warm-up", "measured"):
            seconds = [_seconds(network, ridge, Hearts([images], hearts.volumes[:1])) for images in hearts.images]
        rows = {"subject": cohort.table.index, "slices": cohort.table["slices"].to_numpy(), "seconds": seconds}
        pd.DataFrame(rows).to_csv(folder / "inference.csv", index=False)


def _seconds(network: Sfera, ridge: VolumeRidge, one: Hearts) -> float:
    started = time.perf_counter()
    ridge.predict(apply(network, one, device(), "features"))
    return time.perf_counter() - started
