"""Hearts of discs and a study so small that SFERA is trained on them in a moment."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from cardiosynth.data.cohort import write_cohort
from cardiosynth.study.experiments import Training
from cardiosynth.study.study_file import load_study
from discs import SIZE, disc_subject

SSO, RSP = Training("SSO", "both", 1), Training("RSP", "phantom-a", 1)
SFERA = {"base_channels": 2, "features": 8, "hidden": 4, "batch": 4, "real_epochs": 1, "synthetic_epochs": 1, "fine_tuning_epochs": 1}


def study_with(folder, **sfera):
    values = {"name": "tiny", "title": "made up", "datasets": {"a": "phantom-a"}, "grid": {"size_px": SIZE}, "sfera": SFERA | sfera}
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    return load_study(folder / "study.yaml")


@pytest.fixture()
def trained_on(tmp_path):
    rng = np.random.default_rng(0)
    splits = ["train"] * 4 + ["validation"] * 3 + ["test"] * 2
    real = [disc_subject(f"disc-{i}", 5 + i, rng, split) for i, split in enumerate(splits)]
    made = [replace(disc_subject(f"made-{i}", 9 + i, rng, "train" if i < 5 else "validation"), masks=None) for i in range(8)]
    for place, hearts, edv_ml in (("cohorts/phantom-a", real, 80.0), ("synthetic/images", made, 150.0)):
        write_cohort(tmp_path / place, [replace(heart, edv_ml=edv_ml + 9 * i, esv_ml=30.0 + i**2) for i, heart in enumerate(hearts)])
    return tmp_path
