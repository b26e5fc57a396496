"""The stage that makes synthetic masks, as recipes."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from cardiosynth.data.cohort import Cohort
from cardiosynth.masks import selection
from cardiosynth.masks.candidates import candidates
from cardiosynth.study.progress import bar
from cardiosynth.study.provenance import stage
from cardiosynth.study.study_file import Study


def synthesise_masks(study: Study, results: Path) -> None:
    """synthetic/: every candidate recipe, which are chosen, and the two halves for the ablations.

    selection.csv beside it says, for each split, what the target wanted of each bin and what there was.
    """
    cohort = Cohort.open(results / "cohorts" / study.datasets.a)
    with stage(results / "synthetic", "masks", study.subset("masks", "seed"), __name__) as folder:
        write_recipes(study, cohort, folder)


def write_recipes(study: Study, cohort: Cohort, folder: Path) -> None:
    """candidates.csv and selection.csv of the sources in the cohort's train and validation splits."""
    rng = np.random.default_rng([study.seed, 7])
    table = candidates(cohort.split("train", "validation"), study.masks, partial(bar, title="masks"))
    real_ef, wanted = cohort.split("train").table["ef"].to_numpy(), []
    for split, count in (("train", study.masks.train_subjects), ("validation", study.masks.validation_subjects)):
        rows = table[table["split"] == split]
        chosen = selection.choose(rows, count, study.masks, rng, real_ef)
        table.loc[rows.index, "chosen"] = chosen
        wanted.append(selection.shortfall(rows, chosen, count, study.masks, real_ef).assign(split=split))
    table["chosen"] = table["chosen"].astype(bool)
    trained_on = table[table["chosen"] & (table["split"] == "train")]
    table["half_random"] = selection.half_random(trained_on, rng).reindex(table.index, fill_value=False)
    table["half_matched"] = selection.half_matched(trained_on, real_ef, rng).reindex(table.index, fill_value=False)
    table.to_csv(folder / "candidates.csv", index=False)
    pd.concat(wanted).set_index("split").to_csv(folder / "selection.csv")
