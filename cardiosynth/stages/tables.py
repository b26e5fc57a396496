"""The stage that gathers every prediction and makes the tables."""

from pathlib import Path

import pandas as pd

from cardiosynth import alarm, calibration, clearing, combination, statistics
from cardiosynth.experiments import EXPERIMENTS, trainings
from cardiosynth.provenance import stage
from cardiosynth.study import Study


def evaluate(study: Study, results: Path) -> None:
    """tables/: predictions of all trainings and the tables made from them."""
    reported = [t for t in trainings(study) if EXPERIMENTS[t.experiment].reported]
    files = [results / "models" / t.path / "predictions.csv" for t in reported] + [results / "segmentation" / "predictions.csv"]
    with stage(results / "tables", "evaluate", study.subset("statistics", "seed")) as folder:
        predictions = statistics.check_predictions(
            pd.concat([pd.read_csv(file, dtype={"subject": str}) for file in files], ignore_index=True)
        )
        predictions.to_csv(folder / "predictions.csv", index=False)
        settings = study.statistics
        tables = {
            "table1": statistics.table1(predictions, settings, study.seed),
            "agreement": statistics.agreement(predictions, settings),
            "tests": statistics.tests(predictions, settings, study.seed),
            "crps": calibration.crps(predictions, settings, study.seed),
            "calibration": calibration.calibrations(predictions),
            "coverage": calibration.coverage(predictions, settings),
            "forecasts": calibration.by_subject(predictions).round(4),
            "combined": combination.combined(predictions, settings, study.seed).round(4),
            "alarm": alarm.judge_alarms(predictions, settings, study.seed).round(4),
            "roc": alarm.curves(predictions).round(4),
            "clearing": clearing.clearing(predictions, settings).round(4),
        }
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.csv", index=False)
