"""The stage that gathers the trainings of a study into a model folder."""

import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from torch import Tensor

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.sources import PHANTOMS, ROOT
from cardiosynth.judging import card
from cardiosynth.judging.calibration import by_experiment
from cardiosynth.measuring.familiarity import MEASURES, Familiarity, cut_percent
from cardiosynth.measuring.inference import fast
from cardiosynth.measuring.model_folder import CARD, FAMILIARITY, STUDY, Model, member_file
from cardiosynth.measuring.sfera_training import Hearts
from cardiosynth.measuring.uncertainty import Calibration
from cardiosynth.networks.checkpoints import save_tensors
from cardiosynth.study.experiments import COHORTS, Training
from cardiosynth.study.files import write_json
from cardiosynth.study.provenance import device, stage
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.stages.train_sfera import load_sfera

EXPERIMENT = "RSP"
UNSEEN = ("test", "extra_test")  # validation subjects chose the epoch and gave the intervals their width


def make_model(study: Study, results: Path) -> None:
    """model/: the RSP trainings on Dataset 1 of all seeds, what they have seen, the study file and the card."""
    trainings = [Training(EXPERIMENT, study.datasets.a, seed) for seed in study.seeds]
    with stage(results / "model", "model", {"trainings": [training.path for training in trainings]}, __name__) as folder:
        for stale in folder.glob(member_file("*")):
            stale.unlink()
        for training in trainings:
            shutil.copyfile(results / "models" / training.path / "sfera.safetensors", folder / member_file(training.seed))
        members = [load_sfera(study, results, training)[:2] for training in trainings]
        predictions = pd.concat([pd.read_csv(results / "models" / t.path / "predictions.csv", dtype={"subject": str}) for t in trainings])
        calibration = by_experiment(predictions).get((EXPERIMENT, study.datasets.a), Calibration())
        model = Model(study, [(fast(network).to(device()), ridge) for network, ridge in members], None, {}, calibration)
        cohort = Cohort.open(results / "cohorts" / study.datasets.a)
        train, validation, test = (Hearts.of(cohort.split(split)).images for split in ("train", "validation", "test"))
        seen = _measures(cohort)
        ranges = {name: (float(values.min()), float(values.max())) for name, values in seen[cohort.table["split"] == "train"].items()}
        known = Familiarity.fit(model.looks(train), model.looks(validation), {name: ranges[name] for name in MEASURES})
        save_tensors(folder / FAMILIARITY, known.tensors(), {"study": study.name})
        values = _card(study, results, cohort, model, predictions, ranges) | {"familiarity": _alarms(model, known, test, cohort, seen)}
        (folder / STUDY).write_text(yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
        (folder / "card.md").write_text(card.written(values), encoding="utf-8")
        write_json(folder / CARD, values)


def _measures(cohort: Cohort) -> pd.DataFrame:
    """What a scan's plain measures are for each subject of a cohort; truth where a scan would have a prediction."""
    images, table = cohort.images(), cohort.table
    quality = pd.read_csv(cohort.folder / "quality.csv", dtype={"id": str}).set_index("id")
    columns = table[["slices", "slice_gap_mm", "edv_ml", "esv_ml", "ef"]]
    return columns.assign(
        pixel_mm=quality["spacing_mm"].reindex(table.index), cut_percent=[cut_percent(images[cohort.rows(name)]) for name in table.index]
    )


def _alarms(model: Model, known: Familiarity, stacks: list[Tensor], cohort: Cohort, seen: pd.DataFrame) -> dict:
    """How many of the test subjects, whose kind was trained on, would be called unlike the training data."""
    distances, test = known.distance(model.looks(stacks)), cohort.split("test").table.index
    forecast = model.forecast(model.features(stacks), cohort.table.loc[test, "slice_gap_mm"])
    predicted = seen.loc[test].assign(edv_ml=forecast.mean[:, 0], ef=forecast.ef)[list(MEASURES)]
    warned = [bool(known.remarks(distance, row)) for distance, row in zip(distances, predicted.to_dict("records"))]
    count = len(known.validation)
    return {
        "validation": count, "false_alarm": 1 / (count + 1), "test_beyond_percent": 100 * float((distances > known.validation[-1]).mean()),
        "test_warned_percent": 100 * float(np.mean(warned)),
    }  # fmt: skip


def _card(study: Study, results: Path, cohort: Cohort, model: Model, predictions: pd.DataFrame, ranges: dict) -> dict:
    """card.json, but for ``familiarity``. Extremes are rounded: they are those of single subjects."""
    name = study.datasets.a
    painted = Cohort.open(results / "synthetic" / "images").table["split"].value_counts()
    source = {} if name in PHANTOMS else yaml.safe_load((ROOT / "data" / "sources.yaml").read_text(encoding="utf-8"))[name]
    licence = f"Source: {source['title']} ({source['reference']}). Licence of the data: {source['licence']}." if source else ""
    return {
        "title": f"Volumes of the left ventricle, {study.title}", "study": study.name, "experiment": EXPERIMENT, "seeds": study.seeds,
        "data": COHORTS[name].capitalize() if name in PHANTOMS else COHORTS[name], "patients": name not in PHANTOMS, "licence": licence,
        "subjects": {split: int(count) for split, count in cohort.table["split"].value_counts(sort=False).items()},
        "synthetic": {split: int(painted.get(split, 0)) for split in ("train", "validation")},
        "size_px": study.grid.size_px, "extent_mm": study.grid.extent_mm,
        "seen": {measure: [round(bound, 1) if measure.endswith("_mm") else round(bound) for bound in ranges[measure]] for measure in card.RANGES},
        "level": card.LEVEL, "calibration": asdict(model.calibration),
        "held_out": card.held_out(predictions[predictions["split"].isin(UNSEEN)], model.calibration),
        "limits": _limits(study), "disclaimer": card.NOT_A_DEVICE,
    }  # fmt: skip


def _limits(study: Study) -> list[str]:
    limits = [
        "Adults in short axis at ED and ES, base to apex; other views, contrast or stress images were never seen.",
        "The intervals take errors for normal; their width was measured on few validation subjects.",
        "Beyond the ranges above the numbers are extrapolation; the warning finds many such scans, not all.",
    ]
    if study.datasets.a in PHANTOMS:
        limits.insert(0, "It has learnt from a computed phantom. What it says of a patient's scan means nothing.")
    if study.grid.slices == "annotated":
        limits.append("In the table base and apex were marked by a reader; in a new scan they are found in its images, which adds an error.")
    return limits
