"""Stages that make the synthetic cohort: masks as recipes, then painted images."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cardiosynth import fidelity, masks, painting, segmentation, selection
from cardiosynth.candidates import candidates, read_candidates
from cardiosynth.cohort import Cohort, write_cohort
from cardiosynth.progress import bar
from cardiosynth.provenance import device, sha256, stage
from cardiosynth.recipes import recipes
from cardiosynth.study import Study, fingerprint

PART = 50  # synthetic subjects painted between two points at which a killed run can go on


def synthesise_masks(study: Study, results: Path) -> None:
    """synthetic/: every candidate recipe, which are chosen, and the two halves for the ablations.

    selection.csv beside it says, for each split, what the target wanted of each bin and what there was.
    """
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    with stage(results / "synthetic", "masks", study.subset("masks", "seed")) as folder:
        write_recipes(study, cohort, folder)


def write_recipes(study: Study, cohort: Cohort, folder: Path) -> None:
    """candidates.csv and selection.csv of the sources in the cohort's train and validation splits."""
    rng = np.random.default_rng([study.seed, 7])
    table = candidates(cohort.split("train", "validation"), study.masks, partial(bar, title="masks"))
    real_ef, wanted = cohort.split("train").table["ef"].to_numpy(), []
    for split, count in (("train", study.masks.train_subjects), ("validation", study.masks.validation_subjects)):
        rows = table[table["split"] == split]
        chosen = selection.choose(rows, count, study.masks, rng, real_ef)
        table.loc[rows.index, "chosen"] = chosen
        wanted.append(selection.shortfall(rows, chosen, count, study.masks, real_ef).assign(split=split))
    table["chosen"] = table["chosen"].astype(bool)
    trained_on = table[table["chosen"] & (table["split"] == "train")]
    table["half_random"] = selection.half_random(trained_on, rng).reindex(table.index, fill_value=False)
    table["half_matched"] = selection.half_matched(trained_on, real_ef, rng).reindex(table.index, fill_value=False)
    table.to_csv(folder / "candidates.csv", index=False)
    pd.concat(wanted).set_index("split").to_csv(folder / "selection.csv")


def paint(study: Study, results: Path, workers: int = 1) -> None:
    """synthetic/images/: the chosen synthetic subjects as painted images; masks stay recipes."""
    sources, folder = results / "cohorts" / study.datasets.a, results / "synthetic" / "images"
    mark = sha256(results / "generator" / painting.FILE)
    paint_in_parts(study, results, sources, folder, "paint", mark, spade_part, workers)


def paint_in_parts(study: Study, results: Path, sources: Path, folder: Path, title: str, mark: str, paint_part, workers: int) -> None:
    """Fill a folder with the chosen recipes of the candidates.csv above it, painted.

    sources: cohort of the masks that they start from. mark: what else the images depend on. paint_part takes (study,
    results, sources, rows, folder of the part). Painted in parts by ``workers`` processes, each a small cohort that a killed
    run leaves behind for the next, then joined one subject at a time: memory does not grow with their number.
    """
    table = read_candidates(folder.parent / "candidates.csv")
    chosen = table[table["chosen"]].assign(source="synthetic")
    with stage(folder, title, study.subset("seed")):
        parts = folder / "parts"
        mark = fingerprint([study.seed, mark, chosen.to_csv()])
        if not (parts / mark).is_dir():
            shutil.rmtree(parts, ignore_errors=True)
        jobs = [(study, results, sources, chosen.iloc[first : first + PART], parts / mark / f"{first:06d}")
                for first in range(0, len(chosen), PART)]
        pending = [job for job in jobs if not (job[-1] / "subjects.csv").is_file()]
        for _ in bar(_painted(paint_part, pending, workers), title, total=len(pending)):
            pass
        cohorts = (Cohort.open(job[-1]) for job in jobs)
        write_cohort(folder, (part.subject(name) for part in cohorts for name in part.table.index))
        shutil.rmtree(parts)


def _painted(paint_part, jobs: list[tuple], workers: int) -> Iterator[None]:
    """The parts painted, in one process or several."""
    if workers == 1 or len(jobs) < 2:
        yield from map(paint_part, jobs)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        try:
            yield from pool.map(paint_part, jobs)
        finally:
            pool.shutdown(cancel_futures=True)


def spade_part(job: tuple) -> None:
    """One part painted by the generator: a job of ``paint_in_parts``."""
    study, results, sources, rows, folder = job
    studio = painting.Studio(painting.load_painter(results / "generator", device()), study.seed, device())
    write_cohort(folder, painting.paint_subjects(studio, masks_of(rows, Cohort.open(sources))))


def masks_of(chosen: pd.DataFrame, cohort: Cohort) -> Iterator[tuple[pd.Series, np.ndarray]]:
    """Rows of recipes with their masks, source by source, so that a source's distances serve all its recipes."""
    pixels = cohort.masks()
    for source_id, rows in chosen.groupby("source_id", sort=False):
        made = masks.synthesise(pixels[cohort.rows(source_id)], recipes(rows))
        yield from zip((row for _, row in rows.iterrows()), made)


def check_labels(study: Study, results: Path) -> None:
    """fidelity/label_fidelity.csv: what the reader finds in real and in painted hearts that no network was trained on.

    Columns quantity and value. ``_real`` and ``_synthetic`` are the validation split's; ``_synthetic_train`` the painted
    hearts that SFERA is pre-trained on. ``ef_bias`` and ``ef_mae`` are those of ``_synthetic``.
    """
    cohort, painted = Cohort.open(results / "cohorts" / study.datasets.a), Cohort.open(results / "synthetic" / "images")
    table = read_candidates(results / "synthetic" / "candidates.csv")
    with stage(results / "fidelity", "fidelity", {}) as folder:
        network = segmentation.load_segmentation(results / "reader", device())
        real = (_heart(cohort, row, cohort.masks()[cohort.rows(row.name)]) for _, row in cohort.split("validation").table.iterrows())
        values = fidelity.summary(fidelity.read_labels(network, real, device()), "_real")
        for split, suffix in (("validation", "_synthetic"), ("train", "_synthetic_train")):
            chosen = table[table["chosen"] & (table["split"] == split)]
            hearts = (_heart(painted, row.rename(row["id"]), masks) for row, masks in masks_of(chosen, cohort))
            values |= fidelity.summary(fidelity.read_labels(network, hearts, device()), suffix)
        values = {"ef_bias": values["ef_bias_synthetic"], "ef_mae": values["ef_mae_synthetic"]} | values
        rows = pd.DataFrame(values.items(), columns=["quantity", "value"]).round(5)
        rows.to_csv(folder / "label_fidelity.csv", index=False)


def _heart(cohort: Cohort, row: pd.Series, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Images and masks of a subject and the ml of one pixel. row: named by the id, with spacing_mm and slice_gap_mm."""
    pixel_ml = row["spacing_mm"] ** 2 * row["slice_gap_mm"] / 1000
    return np.asarray(cohort.images()[cohort.rows(row.name)]), np.asarray(masks), float(pixel_ml)
