"""The stage that gathers every prediction and makes the tables."""

from pathlib import Path

import pandas as pd

from cardiosynth.data.cohort import Cohort
from cardiosynth.judging import alarm, calibration, clearing, combination, questions, tables
from cardiosynth.study.experiments import datasets, experiment, is_question, trainings
from cardiosynth.study.provenance import stage
from cardiosynth.study.study_file import Study


def evaluate(study: Study, results: Path) -> None:
    """tables/: predictions of all trainings and the tables made from them.

    questions.csv has the experiments of the section ``questions`` where the study asks any, the other tables have the
    paper's; reference.csv has the errors against published volumes where the masks' are the truth.
    """
    reported = [t for t in trainings(study) if experiment(t.experiment).reported]
    files = [results / "models" / t.path / "predictions.csv" for t in reported] + [results / "segmentation" / "predictions.csv"]
    with stage(results / "tables", "evaluate", study.subset("statistics", "seed"), __name__) as folder:
        predictions = tables.check_predictions(pd.concat([pd.read_csv(file, dtype={"subject": str}) for file in files], ignore_index=True))
        predictions.to_csv(folder / "predictions.csv", index=False)
        asked = predictions["experiment"].map(is_question)
        if asked.any():
            train = Cohort.open(results / "cohorts" / study.datasets.a).split("train").table
            questions.curves(predictions, train, study).to_csv(folder / "questions.csv", index=False)
            predictions = predictions[~asked]
        references = _references(study, results)
        if references:
            questions.against_reference(predictions, references, study).to_csv(folder / "reference.csv", index=False)
        settings = study.statistics
        made = {
            "table1": tables.table1(predictions, settings, study.seed),
            "agreement": tables.agreement(predictions, settings),
            "tests": tables.tests(predictions, settings, study.seed),
            "crps": calibration.crps(predictions, settings, study.seed),
            "calibration": calibration.calibrations(predictions),
            "coverage": calibration.coverage(predictions, settings),
            "forecasts": calibration.by_subject(predictions).round(4),
            "combined": combination.combined(predictions, settings, study.seed).round(4),
            "alarm": alarm.judge_alarms(predictions, settings, study.seed).round(4),
            "roc": alarm.curves(predictions).round(4),
            "clearing": clearing.clearing(predictions, settings).round(4),
        }
        for name, table in made.items():
            table.to_csv(folder / f"{name}.csv", index=False)


def _references(study: Study, results: Path) -> dict[str, pd.DataFrame]:
    """Tables of the datasets whose published volumes stand beside those of the masks."""
    cohorts = {name: Cohort.open(results / "cohorts" / name).table for name in datasets(study)}
    return {name: table for name, table in cohorts.items() if "reference_edv_ml" in table}
