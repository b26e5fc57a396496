"""Parts of a cohort that the questions train on: drawn from a seed, nested, so that more subjects hold the fewer.

``reduced``: the training subjects with EF of 40 % or more, and so many below, of those in ``train`` and ``extra_test``.
``subjects``: so many of the training subjects.
"""

import numpy as np

from cardiosynth.data.cohort import Cohort
from cardiosynth.measuring.predictions import REDUCED_EF
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import Experiment

STREAM = 11  # of the draws, apart from those of the trainings with the same seed


def drawn(cohort: Cohort, chosen: Experiment, seed: int) -> Cohort:
    """The subjects of Dataset 1 that an experiment trains on, in the cohort's order.

    All of split ``train`` where its question draws none. Raises InputError where it wants more than there are.
    """
    train = cohort.split("train")
    if chosen.amount is None:
        return train
    if chosen.question == "subjects":
        return _some(cohort, [], train.table.index, chosen, seed)
    pool = cohort.split("train", "extra_test").table
    kept = train.table.index[train.table["ef"] >= REDUCED_EF]
    return _some(cohort, kept, pool.index[pool["ef"] < REDUCED_EF], chosen, seed)


def _some(cohort: Cohort, kept, pool, chosen: Experiment, seed: int) -> Cohort:
    """The kept subjects and the first so many of the pool in an order that the seed fixes."""
    if chosen.amount > len(pool):
        raise InputError(
            f"questions.{chosen.question}: {chosen.amount} subjects to be drawn, but {cohort.folder} has {len(pool)} of that kind; "
            "ask for fewer in the study file"
        )
    order = np.random.default_rng([seed, STREAM]).permutation(sorted(pool))
    wanted = {*kept, *order[: chosen.amount]}
    return cohort.take([name for name in cohort.table.index if name in wanted])


def held_back(painted: Cohort) -> Cohort:
    """Synthetic subjects made from every second source, in the order of their ids, as a cohort of split ``test``.

    Raises InputError where there is one source only.
    """
    sources = sorted(set(painted.table["source_id"]))
    if len(sources) < 2:
        raise InputError(f"{painted.folder}: one source of synthetic validation subjects; questions.synthetic needs two or more")
    return Cohort(painted.folder, painted.table[painted.table["source_id"].isin(sources[1::2])].assign(split="test"))


def without(cohort: Cohort, others: Cohort) -> Cohort:
    """The subjects of a cohort that are not among the others."""
    return Cohort(cohort.folder, cohort.table[~cohort.table.index.isin(others.table.index)])
