"""The stage that gathers every prediction and makes the tables."""

from pathlib import Path

import pandas as pd

from cardiosynth import statistics
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
        statistics.table1(predictions, settings, study.seed).to_csv(folder / "table1.csv", index=False)
        statistics.agreement(predictions, settings).to_csv(folder / "agreement.csv", index=False)
        statistics.tests(predictions, settings, study.seed).to_csv(folder / "tests.csv", index=False)
        statistics.crps(predictions, settings, study.seed).to_csv(folder / "crps.csv", index=False)
