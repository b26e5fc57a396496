"""Stages that train the U-Nets: the comparator, and the reader of painted images."""

from pathlib import Path

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.splits import HELD_OUT
from cardiosynth.measuring.predictions import predictions_frame
from cardiosynth.networks import unet
from cardiosynth.study.provenance import device, stage
from cardiosynth.study.study_file import Study

READER_SEED = 1  # added to the study's


def train_segmentation(study: Study, results: Path) -> None:
    """segmentation/: the U-Net trained on Dataset 1 and the volumes that it reads."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    with stage(results / "segmentation", "segmentation", study.subset("segmentation", "seed"), __name__) as folder:
        network = unet.train_segmentation(cohort, study.segmentation, folder, study.seed, device())
        held_out = cohort.split(*HELD_OUT)
        volumes = unet.predict_volumes(network, held_out, device()).set_index("subject").loc[held_out.table.index]
        frame = predictions_frame(held_out, study.datasets.a, "segmentation", study.seeds[0], volumes[["edv_ml", "esv_ml"]].to_numpy())
        frame.to_csv(folder / "predictions.csv", index=False)


def train_reader(study: Study, results: Path) -> None:
    """reader/: a second U-Net of another seed, which reads painted images and has no part in making them."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    with stage(results / "reader", "reader", study.subset("segmentation", "seed"), __name__) as folder:
        unet.train_segmentation(cohort, study.segmentation, folder, study.seed + READER_SEED, device(), title="reader")
