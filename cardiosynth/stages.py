"""The stages of a study: each reads folders that others made, fills one of its own, and can be run alone."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cardiosynth import masks, painting, selection, segmentation, statistics
from cardiosynth.checkpoints import load_tensors, save_tensors
from cardiosynth.cohort import Cohort, Subject, write_cohort
from cardiosynth.errors import InputError
from cardiosynth.experiments import EXPERIMENTS, Training, datasets, evaluated_on, trainings
from cardiosynth.preprocessing import exclude
from cardiosynth.progress import bar
from cardiosynth.provenance import device, stage
from cardiosynth.sfera import Sfera, VolumeRidge, ef_sd
from cardiosynth.sources import jobs, prepared
from cardiosynth.study import Grid, Study, fingerprint, load_study
from cardiosynth.training import Hearts, Schedule, apply, train
from cardiosynth.volumes import ejection_fraction

HELD_OUT = ("validation", "test", "extra_test")


def prepare_dataset(study: Study, results: Path, dataset: str, data, workers: int = 1) -> None:
    """cohorts/<dataset>/: the dataset on the study's grid with its splits; excluded.csv counts who was left out."""
    with stage(results / "cohorts" / dataset, f"prepare {dataset}", study.subset("grid", "phantom", "seed")) as folder:
        excluded: list[dict] = []
        subjects = prepared(jobs(dataset, data, study), study.grid, workers, f"prepare {dataset}")
        write_cohort(folder, exclude(subjects, study.grid, excluded))
        pd.DataFrame(excluded, columns=["id", "split", "reason"]).to_csv(folder / "excluded.csv", index=False)


def ingest(dataset: str, root: str, out: Path, grid: Grid, workers: int) -> None:
    """A cohort of every subject of a dataset, with no study around it. For a phantom, root is a study file."""
    if dataset == "acdc":
        pending = jobs(dataset, root, None)
    elif dataset in ("phantom-a", "phantom-b"):
        pending = jobs(dataset, None, load_study(root))
    else:
        raise InputError(f"{dataset}: no such dataset; expected acdc, phantom-a or phantom-b")
    with stage(out, f"ingest {dataset}", {"grid": grid.model_dump()}) as folder:
        cohort = write_cohort(folder, prepared(pending, grid, workers, f"ingest {dataset}"))
    print(f"{out}: {len(cohort)} subjects of {dataset}, EF {cohort.table['ef'].min():.0f} to {cohort.table['ef'].max():.0f} %")


def train_segmentation(study: Study, results: Path) -> None:
    """segmentation/: the U-Net trained on Dataset 1 and the volumes that it reads."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    with stage(results / "segmentation", "segmentation", study.subset("segmentation", "seed")) as folder:
        network = segmentation.train_segmentation(cohort, study.segmentation, folder, study.seed, device())
        held_out = cohort.split(*HELD_OUT)
        volumes = segmentation.predict_volumes(network, held_out).set_index("subject").loc[held_out.table.index]
        frame = predictions_frame(held_out, study.datasets.a, "segmentation", study.seeds[0], volumes[["edv_ml", "esv_ml"]].to_numpy())
        frame.to_csv(folder / "predictions.csv", index=False)


def train_generator(study: Study, results: Path) -> None:
    """generator/: the SPADE generator, trained on Dataset 1's training split only."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a).split("train")
    with stage(results / "generator", "generator", study.subset("generator", "seed")) as folder:
        features = segmentation.features(segmentation.load_segmentation(results / "segmentation"))
        painting.train_generator(cohort, study.generator, features, folder, study.seed, device())


def synthesise_masks(study: Study, results: Path) -> None:
    """synthetic/: every candidate recipe, which are chosen, and the two halves for the ablations."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    rng = np.random.default_rng([study.seed, 7])
    with stage(results / "synthetic", "masks", study.subset("masks", "seed")) as folder:
        table = masks.candidates(cohort.split("train", "validation"), study.masks, partial(bar, title="masks"))
        for split, count in (("train", study.masks.train_subjects), ("validation", study.masks.validation_subjects)):
            rows = table[table["split"] == split]
            table.loc[rows.index, "chosen"] = selection.choose(rows, count, study.masks.target, study.masks, rng)
        table["chosen"] = table["chosen"].astype(bool)
        trained_on = table[table["chosen"] & (table["split"] == "train")]
        real_ef = cohort.split("train").table["ef"].to_numpy()
        table["half_random"] = selection.half_random(trained_on, rng).reindex(table.index, fill_value=False)
        table["half_matched"] = selection.half_matched(trained_on, real_ef, rng).reindex(table.index, fill_value=False)
        table.to_csv(folder / "candidates.csv", index=False)


def paint(study: Study, results: Path) -> None:
    """synthetic/images/: the chosen synthetic subjects as painted images; masks stay recipes."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    table = masks.read_candidates(results / "synthetic" / "candidates.csv")
    chosen = table[table["chosen"]].assign(source="synthetic")
    with stage(results / "synthetic" / "images", "paint", study.subset("seed")) as folder:
        generator = painting.load_generator(results / "generator", device())
        pairs = bar(_masks_of(chosen, cohort), "paint", total=len(chosen))
        write_cohort(folder, painting.paint_subjects(generator, pairs, device=device()), with_masks=False)


def _masks_of(chosen: pd.DataFrame, cohort: Cohort) -> Iterator[tuple[pd.Series, np.ndarray]]:
    """Rows of recipes with their masks, source by source, so that a source's distances serve all its recipes."""
    pixels = cohort.masks()
    for source_id, rows in chosen.groupby("source_id", sort=False):
        made = masks.synthesise(pixels[cohort.rows(source_id)], masks.recipes(rows))
        yield from zip((row for _, row in rows.iterrows()), made)


def train_sfera(study: Study, results: Path, training: Training) -> None:
    """models/<training>/: the network with its ridge, the log, and its predictions of held-out subjects."""
    parameters = study.subset("sfera", "seed") | {"training": training.path}
    with stage(results / "models" / training.path, f"train {training.path}", parameters) as folder:
        train_hearts, validation_hearts = (_hearts(study, results, training, split) for split in ("train", "validation"))
        torch.manual_seed(training.seed)
        network = Sfera(study.sfera, study.grid.size_px).to(memory_format=torch.channels_last)
        value_range = (0.0, float(train_hearts.volumes.max()))
        if training.start:
            tensors, notes = load_tensors(results / "models" / training.start.path / "sfera.safetensors")
            network.load_state_dict({name: t for name, t in tensors.items() if not name.startswith("ridge.")})
            value_range = tuple(notes["value_range"])
        identity = fingerprint([study.subset("sfera"), training.path, value_range, train_hearts.volumes.tolist()])
        network = train(network, train_hearts, validation_hearts, _schedule(study, training), value_range, folder,
                        training.seed, device(), identity, f"train {training.path}")
        fitted = [apply(network, hearts, device(), "features") for hearts in (train_hearts, validation_hearts)]
        ridge = VolumeRidge.fit(fitted[0], train_hearts.volumes, fitted[1], validation_hearts.volumes)
        notes = {"value_range": value_range, "training": training.path, "study": study.model_dump(mode="json")}
        save_tensors(folder / "sfera.safetensors", network.state_dict() | ridge.tensors(), notes)
        frames = [_predict(study, results, training, network, ridge, dataset) for dataset in evaluated_on(training, study)]
        pd.concat(frames).to_csv(folder / "predictions.csv", index=False)


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


def _predict(study: Study, results: Path, training: Training, network, ridge: VolumeRidge, dataset: str) -> pd.DataFrame:
    cohort = Cohort.open(results / "cohorts" / dataset).split(*HELD_OUT)
    gap = cohort.table[["slice_gap_mm"]].to_numpy()
    mean, sd = ridge.predict(apply(network, Hearts.of(cohort), device(), "features"))
    return predictions_frame(cohort, dataset, training.experiment, training.seed, mean * gap, sd * gap, ridge.correlation)


def predictions_frame(cohort: Cohort, dataset, experiment, seed, volumes, sd=None, correlation=0.0) -> pd.DataFrame:
    """Rows of predictions.csv. volumes, sd: (n, 2) EDV and ESV in ml; predictions are held to EDV >= 1 ml
    and 0 <= ESV <= EDV, which the anatomy imposes."""
    edv = np.maximum(volumes[:, 0], 1.0)
    esv = np.clip(volumes[:, 1], 0.0, edv)
    sd = np.full((len(edv), 2), np.nan) if sd is None else sd
    table = cohort.table
    return pd.DataFrame({
        "subject": table.index, "dataset": dataset, "split": table["split"].to_numpy(), "experiment": experiment, "seed": seed,
        "edv_ml": edv, "esv_ml": esv, "ef": ejection_fraction(edv, esv),
        "edv_sd_ml": sd[:, 0], "esv_sd_ml": sd[:, 1], "ef_sd": ef_sd(edv, esv, sd[:, 0], sd[:, 1], correlation),
        "true_edv_ml": table["edv_ml"].to_numpy(), "true_esv_ml": table["esv_ml"].to_numpy(), "true_ef": table["ef"].to_numpy(),
    }).round(4)


def evaluate(study: Study, results: Path) -> None:
    """tables/: predictions of all trainings and the tables made from them."""
    reported = [t for t in trainings(study) if EXPERIMENTS[t.experiment].reported]
    files = [results / "models" / t.path / "predictions.csv" for t in reported] + [results / "segmentation" / "predictions.csv"]
    with stage(results / "tables", "evaluate", study.subset("statistics", "seed")) as folder:
        predictions = statistics.check_predictions(pd.concat([pd.read_csv(file, dtype={"subject": str}) for file in files], ignore_index=True))
        predictions.to_csv(folder / "predictions.csv", index=False)
        settings = study.statistics
        statistics.table1(predictions, settings, study.seed).to_csv(folder / "table1.csv", index=False)
        statistics.agreement(predictions, settings).to_csv(folder / "agreement.csv", index=False)
        statistics.tests(predictions, settings, study.seed).to_csv(folder / "tests.csv", index=False)
        statistics.crps(predictions, settings, study.seed).to_csv(folder / "crps.csv", index=False)


def time_inference(study: Study, results: Path, warm_up: int = 3) -> None:
    """inference/: seconds per subject (CNN, LSTM and ridge, images already in memory), after warm-up."""
    training = Training("RSP", study.datasets.a, study.seeds[0])
    with stage(results / "inference", "inference time", study.subset("sfera")) as folder:
        tensors, _ = load_tensors(results / "models" / training.path / "sfera.safetensors")
        ridge = VolumeRidge.from_tensors(tensors)
        network = Sfera(study.sfera, study.grid.size_px).to(device(), memory_format=torch.channels_last)
        network.load_state_dict({name: t for name, t in tensors.items() if not name.startswith("ridge.")})
        cohort = Cohort.open(results / "cohorts" / study.datasets.a).split("test")
        hearts, rows = Hearts.of(cohort), []
        for index in [0] * warm_up + list(range(len(hearts))):
            one = Hearts([hearts.images[index]], hearts.volumes[[index]])
            started = time.perf_counter()
            ridge.predict(apply(network, one, device(), "features"))
            rows.append({"subject": cohort.table.index[index], "slices": len(one.images[0]), "seconds": time.perf_counter() - started})
        pd.DataFrame(rows[warm_up:]).to_csv(folder / "inference.csv", index=False)
