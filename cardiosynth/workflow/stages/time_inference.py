"""The stage that times the prediction of a subject."""

import time
from pathlib import Path

import pandas as pd

from cardiosynth.data.cohort import Cohort
from cardiosynth.measuring.inference import fast
from cardiosynth.measuring.sfera_training import Hearts, apply
from cardiosynth.networks.sfera import Sfera, VolumeRidge
from cardiosynth.study.experiments import Training
from cardiosynth.study.provenance import device, stage
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.stages.train_sfera import load_sfera


def time_inference(study: Study, results: Path) -> None:
    """inference/: seconds per subject (CNN, LSTM and ridge, one subject at a time, images already in memory).

    The warm-up is a whole round over the subjects: the first stack of each number of slices sets up its convolutions.
    """
    training = Training("RSP", study.datasets.a, study.seeds[0])
    with stage(results / "inference", "inference time", study.subset("sfera"), __name__) as folder:
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
