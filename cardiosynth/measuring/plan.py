"""The plan of one training of SFERA: who it learns from, for how long, from which weights, and whom it predicts.

A plan is made from the study and the cohorts on disk before anything is trained; ``train --dry-run`` prints it. Parts of a
cohort are drawn from the training's seed and nested, so that more subjects hold the fewer: for the question ``reduced``
the training subjects with EF of 40 % or more, and so many below, of those in ``train`` and ``extra_test``; for
``subjects`` so many of the training subjects.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.splits import HELD_OUT
from cardiosynth.measuring.predictions import REDUCED_EF
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import Experiment, Training, datasets, evaluated_on, experiment, painted, trainings
from cardiosynth.study.study_file import Study

GROUPS = ("real", "synthetic")
STREAM = 11  # of the draws, apart from those of the trainings with the same seed


@dataclass(frozen=True)
class Schedule:
    """epochs over the hearts, subjects a batch, peak learning rate, falling by a half cosine, and how hearts are augmented.
    zooms: also by zooms that change their volumes, with ``zoom_scale`` and ``zoom_ef`` of the study."""

    epochs: int
    batch: int
    rate: float
    augmentation: str = "full"
    zooms: tuple = ()

    def batches(self, subjects: int) -> int:
        """Updates of an epoch."""
        return max(round(subjects / self.batch), 1)

    def spread_over(self, subjects: int, whole: int) -> "Schedule":
        """As many updates over so many subjects as this schedule has over the whole of them."""
        return replace(self, epochs=round(self.epochs * self.batches(whole) / self.batches(subjects)))

    def rate_at(self, progress: float) -> float:
        """Learning rate after the given share of the training."""
        return self.rate * 0.5 * (1 + np.cos(np.pi * progress))


@dataclass(frozen=True)
class Plan:
    """One training, before it runs.

    train, validation: the cohorts that it learns from and that choose its best epoch. ridge: those on which the ridge is
    fitted. held_out: those that it predicts, by dataset; none holds a subject that it learnt from. schedule: how long and
    how fast. training: its name, its seed, and the training whose weights it starts from.
    """

    training: Training
    train: list[Cohort]
    validation: list[Cohort]
    ridge: list[Cohort]
    held_out: dict[str, Cohort]
    schedule: Schedule

    @classmethod
    def of(cls, study: Study, results: Path, training: Training) -> "Plan":
        """The plan of a study's training. Raises InputError where a cohort that it needs has not been made."""
        train, start = _learnt_from(study, results, training, "train"), training.start
        also = _learnt_from(study, results, start, "train") if start and study.sfera.ridge == "all" else []
        return cls(
            training,
            train,
            _learnt_from(study, results, training, "validation"),
            [*train, *also],
            _held_out(study, results, training),
            _schedule(study, results, training, sum(map(len, train))),
        )

    def __str__(self) -> str:
        schedule, subjects = self.schedule, sum(map(len, self.train))
        lines = {
            "learns from": _listed(self.train),
            "best epoch by": _listed(self.validation),
            "starts from": self.training.start.path if self.training.start else "weights drawn from the seed",
            "epochs": f"{schedule.epochs} of {schedule.batches(subjects)} updates, {schedule.batch} subjects each",
            "rate": f"{schedule.rate:g}, falling by a half cosine",
            "augmentation": schedule.augmentation + (", zooms that change volumes" if schedule.zooms else ""),
            "ridge fitted on": _listed(self.ridge),
            "predicts": "; ".join(f"{name}: {len(cohort)} subjects" for name, cohort in self.held_out.items()),
        }
        return "\n".join([self.training.path, *(f"  {what:16s}{value}" for what, value in lines.items())])


def inputs(study: Study, training: Training) -> list[str]:
    """The folders below the results that a training is made from: real cohorts, the painted one, the training it starts from."""
    chosen = experiment(training.experiment)
    folders = [f"cohorts/{name}" for name in datasets(study)]
    if chosen.data == "synthetic" or chosen.question == "longer":  # the latter counts them
        folders.append(painted(chosen.name))
    return folders + ([f"models/{training.start.path}"] if training.start else [])


def group(study: Study, name: str) -> list[Training]:
    """The trainings of a study on its real hearts alone (``real``), or all others (``synthetic``).

    The former can run while the generator is being trained. Raises InputError for another name.
    """
    if name not in GROUPS:
        raise InputError(f"{name}: no such group of trainings; expected {' or '.join(GROUPS)}")
    early = [t for t in trainings(study) if all(folder.startswith("cohorts/") for folder in inputs(study, t))]
    return early if name == "real" else [t for t in trainings(study) if t not in early]


def _listed(cohorts: list[Cohort]) -> str:
    return "; ".join(f"{len(cohort)} subjects of {cohort.folder}" for cohort in cohorts)


def _learnt_from(study: Study, results: Path, training: Training, split: str) -> list[Cohort]:
    """The subjects that a training learns from (split ``train``) or chooses its best epoch by (``validation``)."""
    chosen = experiment(training.experiment)
    if chosen.data == "synthetic":
        return [_synthetic(study, results, training, split)]
    names = datasets(study) if chosen.data == "both" else [training.dataset]
    cohorts = [Cohort.open(results / "cohorts" / name) for name in names]
    return [drawn(cohort, chosen, training.seed) if split == "train" else cohort.split(split) for cohort in cohorts]


def _synthetic(study: Study, results: Path, training: Training, split: str) -> Cohort:
    """The painted subjects of a split that a training may see."""
    chosen = experiment(training.experiment)
    cohort = Cohort.open(results / painted(chosen.name)).split(split)
    if split == "validation":
        return without(cohort, held_back(cohort)) if study.questions.synthetic else cohort
    if chosen.selection != "all":
        cohort = cohort.take(cohort.table.index[cohort.table[chosen.selection.replace("-", "_")]])
    if chosen.amount is not None:
        sources = drawn(Cohort.open(results / "cohorts" / study.datasets.a), chosen, training.seed)
        cohort = cohort.take(cohort.table.index[cohort.table["source_id"].isin(sources.table.index)])
    return cohort


def _held_out(study: Study, results: Path, training: Training) -> dict[str, Cohort]:
    """The cohorts that a training predicts, by dataset.

    Experiments that train on patients held back from the others (question ``reduced``) predict the test split alone.
    Where the study asks, SSO predicts synthetic subjects too, held back from the choice of its epoch and its ridge.
    """
    chosen = experiment(training.experiment)
    splits = ("test",) if chosen.question == "reduced" else HELD_OUT
    cohorts = {name: Cohort.open(results / "cohorts" / name).split(*splits) for name in evaluated_on(training, study)}
    if study.questions.synthetic and chosen.name == "SSO":
        cohorts["synthetic"] = held_back(Cohort.open(results / painted(chosen.name)).split("validation"))
    return cohorts


def _schedule(study: Study, results: Path, training: Training, subjects: int) -> Schedule:
    """Fine-tuning starts gently; a training on part of the subjects takes more epochs, for as many updates as on all.

    Question ``longer``: the updates of pre-training and fine-tuning together. subjects: how many it trains on.
    """
    settings, chosen = study.sfera, experiment(training.experiment)
    epochs, rate = settings.real_epochs, settings.rate
    if chosen.start:
        epochs, rate = settings.fine_tuning_epochs, settings.fine_tuning_rate
    elif chosen.data == "synthetic":
        epochs = settings.synthetic_epochs * (1 if chosen.selection == "all" else 2)
    zooms = (study.questions.zoom_scale, study.questions.zoom_ef) if chosen.question == "zoom" else ()
    schedule = Schedule(epochs, settings.batch, rate, settings.augmentation, zooms)
    if chosen.question == "longer":
        before = replace(schedule, epochs=settings.synthetic_epochs)
        before = before.spread_over(subjects, len(Cohort.open(results / painted("SSO")).split("train")))
        return replace(schedule, epochs=before.epochs + settings.fine_tuning_epochs)
    if chosen.amount is None:
        return schedule
    whole = results / (painted(chosen.name) if chosen.data == "synthetic" else f"cohorts/{training.dataset}")
    return schedule.spread_over(subjects, len(Cohort.open(whole).split("train")))


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
