"""A small study of round hearts with its candidates, as the stage of the masks makes them."""

import numpy as np
import pytest
import yaml

from cardiosynth.data.cohort import write_cohort
from cardiosynth.data.subject import Subject
from cardiosynth.figures.results import open_results
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow.stages.choose_masks import synthesise_masks
from page_foot import write_provenance

SIZE, COUNT = 48, 42  # pixels, chosen candidates


def heart(name: str, split: str, ed_radius: float, es_radius: float) -> Subject:
    """Three slices of a disc of blood in a ring of muscle, and an RV beside it. Radii in pixels."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    labels = np.zeros((3, 2, SIZE, SIZE), np.uint8)
    for phase, radius in enumerate((ed_radius, es_radius)):
        labels[:, phase][..., np.hypot(y, x + 12) < 6] = 1
        labels[:, phase][..., np.hypot(y, x) < radius + 3] = 2
        labels[:, phase][..., np.hypot(y, x) < radius] = 3
    images = np.array([30, 170, 60, 220], np.uint8)[labels]
    edv, esv = ((labels[:, phase] == 3).sum() * 0.1 for phase in (0, 1))
    return Subject(name, "made-up", images, labels, (3.125, 3.125), 8.0, edv, esv, {"split": split})


@pytest.fixture(scope="module")
def round_study(tmp_path_factory):
    """Seven sources for training and one for validation, with all that a page reads."""
    folder = tmp_path_factory.mktemp("results") / "tiny"
    folder.mkdir()
    masks = {"train_subjects": COUNT, "validation_subjects": 5}
    values = {"name": "tiny", "title": "made up", "datasets": {"a": "phantom-a"}, "grid": {"size_px": SIZE}, "masks": masks}
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    radii = np.random.default_rng(4).uniform([11, 6], [14, 9.5], (8, 2))
    hearts = (heart(f"h{i}", "validation" if i == 7 else "train", *pair) for i, pair in enumerate(radii))
    write_cohort(folder / "cohorts" / "phantom-a", hearts)
    synthesise_masks(load_study(folder / "study.yaml"), folder)
    write_provenance(folder)
    return open_results(folder)
