"""Stages that train the networks of image synthesis: two U-Nets and the SPADE generator."""

from pathlib import Path

from cardiosynth import generator_training, pretrained, segmentation
from cardiosynth.cohort import Cohort
from cardiosynth.judging import Judge
from cardiosynth.predictions import predictions_frame
from cardiosynth.provenance import device, stage
from cardiosynth.stages import HELD_OUT
from cardiosynth.study import Study

READER_SEED = 1  # added to the study's


def train_segmentation(study: Study, results: Path) -> None:
    """segmentation/: the U-Net trained on Dataset 1 and the volumes that it reads."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    with stage(results / "segmentation", "segmentation", study.subset("segmentation", "seed")) as folder:
        network = segmentation.train_segmentation(cohort, study.segmentation, folder, study.seed, device())
        held_out = cohort.split(*HELD_OUT)
        volumes = segmentation.predict_volumes(network, held_out, device()).set_index("subject").loc[held_out.table.index]
        frame = predictions_frame(held_out, study.datasets.a, "segmentation", study.seeds[0], volumes[["edv_ml", "esv_ml"]].to_numpy())
        frame.to_csv(folder / "predictions.csv", index=False)


def train_reader(study: Study, results: Path) -> None:
    """reader/: a second U-Net of another seed, which reads painted images and has no part in making them."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    with stage(results / "reader", "reader", study.subset("segmentation", "seed")) as folder:
        segmentation.train_segmentation(cohort, study.segmentation, folder, study.seed + READER_SEED, device(), title="reader")


def train_generator(study: Study, results: Path) -> None:
    """generator/: the SPADE generator, trained on Dataset 1's training split; validation subjects choose the checkpoint."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    weights = study.generator.perceptual_weights
    with stage(results / "generator", "generator", study.subset("generator", "seed")) as folder:
        network = segmentation.load_segmentation(results / "segmentation", device())
        features = pretrained.vgg19_features(weights, device()) if weights else segmentation.features(network)
        judge = Judge(cohort.split("validation"), network, study.seed, device())
        label_loss = segmentation.label_loss(network)
        generator_training.train_generator(cohort.split("train"), study.generator, features, label_loss, judge, folder, study.seed, device())
