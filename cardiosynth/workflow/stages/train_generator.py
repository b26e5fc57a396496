"""The stage that trains the SPADE generator."""

from pathlib import Path

from cardiosynth.data.cohort import Cohort
from cardiosynth.networks import pretrained, unet
from cardiosynth.painting import generator_training
from cardiosynth.painting.judge import Judge
from cardiosynth.study.provenance import device, stage
from cardiosynth.study.study_file import Study


def train_generator(study: Study, results: Path) -> None:
    """generator/: the SPADE generator, trained on Dataset 1's training split; validation subjects choose the checkpoint."""
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    weights = study.generator.perceptual_weights
    with stage(results / "generator", "generator", study.subset("generator", "seed"), __name__) as folder:
        network = unet.load_segmentation(results / "segmentation", device())
        features = pretrained.vgg19_features(weights, device()) if weights else unet.features(network)
        judge = Judge(cohort.split("validation"), network, study.seed, device())
        label_loss = unet.label_loss(network)
        generator_training.train_generator(cohort.split("train"), study.generator, features, label_loss, judge, folder, study.seed, device())
