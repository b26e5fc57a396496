"""A small results folder of cone-shaped hearts, from which the stage ``model`` makes a model folder in a second."""

import numpy as np
import pandas as pd
import torch

from cardiosynth.data.cohort import Cohort, write_cohort
from cardiosynth.data.preprocessing import prepare
from cardiosynth.data.subject import Subject
from cardiosynth.data.volumes import volume_ml
from cardiosynth.measuring.sfera_training import Hearts, apply
from cardiosynth.networks.checkpoints import save_tensors
from cardiosynth.networks.sfera import Sfera, VolumeRidge
from cardiosynth.study.experiments import Training
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.stages.make_model import make_model
from cardiosynth.workflow.stages.train_sfera import predict

SPACING_MM, GAP_MM, SHAPE = (1.5, 1.25), 8.0, (60, 72)
COUNTS = {"train": 30, "validation": 12, "test": 8}
STUDY = Study.model_validate({
    "name": "cones", "title": "cones", "seeds": [1, 2], "datasets": {"a": "phantom-a"}, "grid": {"size_px": 32, "extent_mm": 90.0},
    "sfera": {"base_channels": 4, "features": 16, "hidden": 8},
})  # fmt: skip


def cone(name, seed, split="test", slices=8, noise=4.0, gap_mm=GAP_MM):
    """A bright cavity in a ring of muscle in lung, smaller and darker towards the apex and at ES; noise of every image its own."""
    rng = np.random.default_rng(seed)
    ed, contraction = rng.uniform(13, 19), rng.uniform(0.55, 0.8)
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in SHAPE)
    distance = np.hypot(rows[:, None] * SPACING_MM[0], columns * SPACING_MM[1])
    masks = np.zeros((slices, 2, *SHAPE), np.uint8)
    for row in range(slices):
        for phase, share in enumerate((1.0, contraction)):
            radius = ed * share * (1 - 0.6 * row / slices)
            masks[row, phase] = np.select([distance < radius, distance < radius + 9], [3, 2])
    ground = 30 + 30 * (distance > 35) * np.linspace(1, 0, slices)[:, None, None, None]
    images = ground + np.array([0, 0, 60, 250])[masks] + rng.normal(0, noise, masks.shape)
    volumes = volume_ml(masks, float(np.prod(SPACING_MM)), gap_mm)
    return Subject(name, "test", images.astype(np.float32), masks, SPACING_MM, gap_mm, *map(float, volumes), {"split": split})


def results_folder(folder):
    """A study's results as far as the stage ``model`` needs them, with networks that were never trained but ridges that were."""
    names = [(f"cone-{split}-{index}", split) for split, count in COUNTS.items() for index in range(count)]
    subjects = [cone(name, 100 + index, split) for index, (name, split) in enumerate(names)]
    cohort = write_cohort(folder / "cohorts" / "phantom-a", [prepare(one, STUDY.grid) for one in subjects])
    quality = pd.DataFrame({"id": cohort.table.index, "spacing_mm": float(np.mean(SPACING_MM))})
    quality.to_csv(cohort.folder / "quality.csv", index=False)
    write_cohort(folder / "synthetic" / "images", [prepare(subjects[0], STUDY.grid)])
    for seed in STUDY.seeds:
        write_training(folder, cohort, Training("RSP", "phantom-a", seed))
    return folder


def write_training(folder, cohort: Cohort, training: Training, settings=STUDY.sfera):
    """models/<training>/ as ``train_sfera`` leaves it."""
    torch.manual_seed(training.seed)
    network = Sfera(settings, STUDY.grid.size_px).to(memory_format=torch.channels_last).eval()
    fitted = []
    for hearts in (Hearts.of(cohort.split("train")), Hearts.of(cohort.split("validation"))):
        fitted += [apply(network, hearts, "cpu", "features"), hearts.volumes]
    ridge = VolumeRidge.fit(*fitted)
    place = folder / "models" / training.path
    save_tensors(place / "sfera.safetensors", network.state_dict() | ridge.tensors(), {"value_range": [0, 1]})
    held_out = cohort.split("validation", "test")
    predict(held_out, "phantom-a", training, network, ridge).to_csv(place / "predictions.csv", index=False)


def model_folder(folder):
    """The model folder of such a study."""
    make_model(STUDY, results_folder(folder))
    return folder / "model"
