"""The stage that trains SFERA once and predicts with it."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.splits import HELD_OUT
from cardiosynth.measuring import plan
from cardiosynth.measuring.predictions import predictions_frame
from cardiosynth.measuring.sfera_training import Hearts, Schedule, apply, fit_ridge, train
from cardiosynth.networks.checkpoints import save_tensors
from cardiosynth.networks.sfera import Sfera, VolumeRidge, load
from cardiosynth.study.experiments import Training, datasets, evaluated_on, experiment, painted
from cardiosynth.study.provenance import device, stage
from cardiosynth.study.study_file import Study, fingerprint


def train_sfera(study: Study, results: Path, training: Training) -> None:
    """models/<training>/: the network with its ridge, the log, and its predictions of held-out subjects."""
    parameters = study.subset("sfera", "seed") | {"training": training.path}
    with stage(results / "models" / training.path, f"train {training.path}", parameters, __name__) as folder:
        train_hearts, validation_hearts = (_hearts(study, results, training, split) for split in ("train", "validation"))
        torch.manual_seed(training.seed)
        network = Sfera(study.sfera, study.grid.size_px).to(memory_format=torch.channels_last)
        value_range = (0.0, float(train_hearts.volumes.max()))
        if training.start:
            network, _, notes = load_sfera(study, results, training.start)
            value_range = tuple(notes["value_range"])
        identity = fingerprint([_learning(study), training.path, value_range])
        schedule = _schedule(study, results, training, len(train_hearts))
        network = train(
            network, train_hearts, validation_hearts, schedule, value_range, folder, training.seed, device(), identity, f"train {training.path}"
        )
        if study.sfera.ridge == "all" and training.start:
            train_hearts += _hearts(study, results, training.start, "train")
        ridge = fit_ridge(network, train_hearts, validation_hearts, value_range, device(), study.sfera.ridge)
        notes = {"value_range": value_range, "training": training.path, "study": study.model_dump(mode="json")}
        save_tensors(folder / "sfera.safetensors", network.state_dict() | ridge.tensors(), notes)
        frames = [predict(cohort, name, training, network, ridge) for name, cohort in _held_out(study, results, training).items()]
        pd.concat(frames).to_csv(folder / "predictions.csv", index=False)


def load_sfera(study: Study, results: Path, training: Training) -> tuple[Sfera, VolumeRidge, dict]:
    """A trained network on the CPU, its ridge, and the notes of its training (``value_range``, the study)."""
    return load(results / "models" / training.path / "sfera.safetensors", study.sfera, study.grid.size_px)


def _learning(study: Study) -> dict:
    """The settings that weights depend on: all but the ridge, which comes after; ``full`` augmentation goes without saying."""
    implied = {"ridge"} | ({"augmentation"} if study.sfera.augmentation == "full" else set())
    return {"sfera": study.sfera.model_dump(mode="json", exclude=implied)}


def _schedule(study: Study, results: Path, training: Training, subjects: int) -> Schedule:
    """Fine-tuning starts gently; a training on part of the subjects takes more epochs, for as many updates as on all.

    Question ``longer``: the updates of pre-training and fine-tuning together. subjects: how many it trains on.
    """
    settings, chosen = study.sfera, experiment(training.experiment)
    epochs, rate = settings.real_epochs, settings.rate
    if chosen.start:
        epochs, rate = settings.fine_tuning_epochs, settings.fine_tuning_rate
    elif chosen.data == "synthetic":
        epochs = settings.synthetic_epochs * (1 if chosen.selection == "all" else 2)
    schedule = Schedule(epochs, settings.batch, rate, settings.augmentation, zooms=chosen.question == "zoom")
    if chosen.question == "longer":
        before = replace(schedule, epochs=settings.synthetic_epochs)
        before = before.spread_over(subjects, len(Cohort.open(results / painted("SSO")).split("train")))
        return replace(schedule, epochs=before.epochs + settings.fine_tuning_epochs)
    if chosen.amount is None:
        return schedule
    whole = results / (painted(chosen.name) if chosen.data == "synthetic" else f"cohorts/{training.dataset}")
    return schedule.spread_over(subjects, len(Cohort.open(whole).split("train")))


def _hearts(study: Study, results: Path, training: Training, split: str) -> Hearts:
    """The subjects that a training learns from (split ``train``) or chooses its best epoch by (``validation``)."""
    chosen = experiment(training.experiment)
    if chosen.data != "synthetic":
        names = datasets(study) if chosen.data == "both" else [training.dataset]
        cohorts = [Cohort.open(results / "cohorts" / name) for name in names]
        return Hearts.of(*(plan.drawn(cohort, chosen, training.seed) if split == "train" else cohort.split(split) for cohort in cohorts))
    cohort = Cohort.open(results / painted(chosen.name)).split(split)
    if split == "train" and chosen.selection != "all":
        cohort = cohort.take(cohort.table.index[cohort.table[chosen.selection.replace("-", "_")]])
    if split == "train" and chosen.amount is not None:
        sources = plan.drawn(Cohort.open(results / "cohorts" / study.datasets.a), chosen, training.seed)
        cohort = cohort.take(cohort.table.index[cohort.table["source_id"].isin(sources.table.index)])
    if split == "validation" and study.questions.synthetic:
        cohort = plan.without(cohort, plan.held_back(cohort))
    return Hearts.of(cohort)


def _held_out(study: Study, results: Path, training: Training) -> dict[str, Cohort]:
    """The cohorts that a training predicts, by the name of their dataset; none holds a subject that it learnt from.

    Experiments that train on patients held back from the others (question ``reduced``) predict the test split alone.
    Where the study asks, SSO predicts synthetic subjects too, held back from the choice of its epoch and its ridge.
    """
    chosen = experiment(training.experiment)
    splits = ("test",) if chosen.question == "reduced" else HELD_OUT
    found = {name: Cohort.open(results / "cohorts" / name).split(*splits) for name in evaluated_on(training, study)}
    if study.questions.synthetic and chosen.name == "SSO":
        found["synthetic"] = plan.held_back(Cohort.open(results / painted(chosen.name)).split("validation"))
    return found


def predict(cohort: Cohort, dataset: str, training: Training, network: Sfera, ridge: VolumeRidge) -> pd.DataFrame:
    """Predictions of every subject of a cohort, as rows of predictions.csv."""
    gap = cohort.table[["slice_gap_mm"]].to_numpy()
    mean, sd = ridge.predict(apply(network, Hearts.of(cohort), device(), "features"))
    return predictions_frame(cohort, dataset, training.experiment, training.seed, mean * gap, sd * gap, ridge.correlation)
