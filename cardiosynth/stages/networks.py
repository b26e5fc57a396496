"""Stages that train the two networks of image synthesis: the U-Net and the SPADE generator."""

from pathlib import Path

from cardiosynth import painting, segmentation
from cardiosynth.cohort import Cohort
from cardiosynth.predictions import predictions_frame
from cardiosynth.provenance import device, stage
from cardiosynth.stages import HELD_OUT
from cardiosynth.study import Study


def train_segmentation(study: Study, results: Path) -> None:
    """segmentation/: the U-Net trained on Dataset 1 and the volumes that it reads."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    with stage(results / "segmentation", "segmentation", study.subset("segmentation", "seed")) as folder:
        network = segmentation.train_segmentation(cohort, study.segmentation, folder, study.seed, device())
        held_out = cohort.split(*HELD_OUT)
        volumes = segmentation.predict_volumes(network, held_out, device()).set_index("subject").loc[held_out.table.index]
        frame = predictions_frame(held_out, study.datasets.a, "segmentation", study.seeds[0], volumes[["edv_ml", "esv_ml"]].to_numpy())
        frame.to_csv(folder / "predictions.csv", index=False)


def train_generator(study: Study, results: Path) -> None:
    """generator/: the SPADE generator, trained on Dataset 1's training split only."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a).split("train")
    with stage(results / "generator", "generator", study.subset("generator", "seed")) as folder:
        features = segmentation.features(segmentation.load_segmentation(results / "segmentation", device()))
        painting.train_generator(cohort, study.generator, features, folder, study.seed, device())
