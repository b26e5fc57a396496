"""A small made-up study with cohorts, predictions and tables, as figures read it."""

import numpy as np
import pandas as pd
import pytest
import yaml

from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import ejection_fraction, volume_ml
from cardiosynth.figures.results import open_results
from cardiosynth.judging import calibration, tables
from cardiosynth.masks import source
from cardiosynth.masks.candidates import candidates
from cardiosynth.masks.recipes import recipes
from cardiosynth.study.sections import Statistics
from cardiosynth.study.study_file import load_study

SIZE = 32

EXPERIMENTS = {"SSO": 25.0, "RSO": 12.0, "RSP": 6.0, "RSP-half-random": 7.0, "RSP-half-matched": 8.0}


def heart(name: str, split: str, ed_radius: float, es_radius: float) -> Subject:
    """Concentric discs: LV, myocardium, and an RV beside them."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    labels = np.zeros((3, 2, SIZE, SIZE), np.uint8)
    for phase, radius in enumerate((ed_radius, es_radius)):
        labels[:, phase][..., np.hypot(y, x + 8) < 6] = 1
        labels[:, phase][..., np.hypot(y, x) < radius + 2] = 2
        labels[:, phase][..., np.hypot(y, x) < radius] = 3
    edv, esv = volume_ml(labels, 16.0, 8.0)
    images = np.array([30, 170, 60, 220], np.uint8)[labels]
    return Subject(name, "made-up", images, labels, (4.0, 4.0), 8.0, float(edv), float(esv), {"split": split})


def predictions(cohorts: dict) -> pd.DataFrame:
    """Two trainings of each experiment with errors of a known size; the U-Net is exact."""
    rng, rows = np.random.default_rng(5), []
    for dataset, cohort in cohorts.items():
        held_out = cohort.split("test").table
        for experiment, size in EXPERIMENTS.items():
            for seed in (1, 2):
                noise = rng.normal(0, size, len(held_out))
                rows.append(_rows(held_out, dataset, experiment, seed, held_out["edv_ml"] + 2 + noise, held_out["esv_ml"] + noise, 3.0))
        rows.append(_rows(held_out, dataset, "segmentation", 1, held_out["edv_ml"], held_out["esv_ml"], np.nan))
    return pd.concat(rows, ignore_index=True)


def _rows(table, dataset, experiment, seed, edv, esv, sd):
    esv = esv.clip(lower=1.0)
    edv = np.maximum(edv, esv)
    return pd.DataFrame({
        "subject": table.index, "dataset": dataset, "split": "test", "experiment": experiment, "seed": seed,
        "edv_ml": edv.to_numpy(), "esv_ml": esv.to_numpy(), "ef": ejection_fraction(edv, esv),
        "edv_sd_ml": sd, "esv_sd_ml": sd, "ef_sd": sd,
        "true_edv_ml": table["edv_ml"].to_numpy(), "true_esv_ml": table["esv_ml"].to_numpy(),
        "true_ef": table["ef"].to_numpy(),
    })  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "tiny"
    folder.mkdir()
    values = {"name": "tiny", "title": "made up", "datasets": {"a": "phantom-a", "b": "phantom-b"}, "grid": {"size_px": SIZE}}
    (folder / "study.yaml").write_text(yaml.safe_dump(values | {"sfera": {"base_channels": 2, "features": 8, "hidden": 4}}))
    rng, cohorts = np.random.default_rng(3), {}
    for dataset in ("phantom-a", "phantom-b"):
        plan = [("train", 4), ("validation", 2), ("test", 12)]
        radii = [(split, i, rng.uniform(8, 10), rng.uniform(4, 7.5)) for split, count in plan for i in range(count)]
        hearts = (heart(f"{dataset}-{split}-{i}", split, ed, es) for split, i, ed, es in radii)
        cohorts[dataset] = write_cohort(folder / "cohorts" / dataset, hearts)
    _synthetic(folder, cohorts["phantom-a"])
    table = predictions(cohorts)
    table.to_csv(folder / "predictions.csv", index=False)
    settings = Statistics(bootstrap_draws=100)
    for made, name in ((tables, "table1"), (tables, "tests"), (calibration, "crps")):
        getattr(made, name)(table, settings, 1).to_csv(folder / f"{name}.csv", index=False)
    tables.agreement(table, settings).to_csv(folder / "agreement.csv", index=False)
    pd.DataFrame({"subject": list("ab"), "slices": [3, 5], "seconds": [0.010, 0.020]}).to_csv(folder / "inference.csv", index=False)
    return open_results(folder)


def _synthetic(folder, cohort):
    study = load_study(folder / "study.yaml")
    table = candidates(cohort.split("train", "validation"), study.masks)
    table["chosen"] = table["kept"] & (np.arange(len(table)) % 3 == 0)
    (folder / "synthetic").mkdir()
    table.to_csv(folder / "synthetic" / "candidates.csv", index=False)
    chosen = table[table["chosen"]]
    painted = []
    for recipe, row in zip(recipes(chosen), chosen.to_dict("records")):
        labels = source.apply(recipe, np.asarray(cohort.masks()[cohort.rows(recipe.source_id)]))
        painted.append(Subject(recipe.id, "painted", labels * 60, None, (4.0, 4.0), 8.0, row["edv_ml"], row["esv_ml"], {"split": row["split"]}))
    write_cohort(folder / "synthetic" / "images", painted)
