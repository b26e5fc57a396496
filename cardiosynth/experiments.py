"""The experiments as data (paper, Results): what each trains on and where it starts from."""

from dataclasses import dataclass

from cardiosynth.errors import InputError
from cardiosynth.study import Study


@dataclass(frozen=True)
class Experiment:
    """One way of training SFERA.

    data: ``real`` (the dataset's own training subjects), ``both`` (real subjects of both datasets) or
    ``synthetic``. start: the experiment whose weights it starts from, or None. selection: which
    synthetic subjects, ``all``, ``half-random`` or ``half-matched`` (EF as in the real training set).
    reported: whether its predictions are a result or only a step to another one.
    """

    name: str
    data: str
    start: str | None = None
    selection: str = "all"
    ablation: bool = False
    reported: bool = True


EXPERIMENTS = {
    e.name: e
    for e in (
        Experiment("RSO", "real"),
        Experiment("SSO", "synthetic"),
        Experiment("RSA", "both"),
        Experiment("RSP", "real", start="SSO"),
        Experiment("SSO-half-random", "synthetic", selection="half-random", ablation=True, reported=False),
        Experiment("SSO-half-matched", "synthetic", selection="half-matched", ablation=True, reported=False),
        Experiment("RSP-half-random", "real", start="SSO-half-random", ablation=True),
        Experiment("RSP-half-matched", "real", start="SSO-half-matched", ablation=True),
    )
}


@dataclass(frozen=True)
class Training:
    """One training of the study: an experiment, the dataset (or ``both``) and a seed."""

    experiment: str
    dataset: str
    seed: int

    @property
    def path(self) -> str:
        """Its folder below ``models/``."""
        return f"{self.experiment}/{self.dataset}/seed-{self.seed}"

    @property
    def start(self) -> "Training | None":
        """The training whose weights it starts from."""
        start = EXPERIMENTS[self.experiment].start
        return Training(start, "both", self.seed) if start else None


def datasets(study: Study) -> list[str]:
    """Dataset 1 and, where the study has one, Dataset 2."""
    return [name for name in (study.datasets.a, study.datasets.b) if name]


def trainings(study: Study) -> list[Training]:
    """Every training of a study in an order that respects ``start``.

    RSA needs two datasets and is absent where there is one; the ablations run on Dataset 1.
    """
    found = []
    for experiment in EXPERIMENTS.values():
        for seed in study.ablation_seeds if experiment.ablation else study.seeds:
            for dataset in _trained_on(experiment, study):
                found.append(Training(experiment.name, dataset, seed))
    return found


def evaluated_on(training: Training, study: Study) -> list[str]:
    """The datasets whose held-out subjects a training predicts."""
    return datasets(study) if training.dataset == "both" else [training.dataset]


def training_from_path(path: str, study: Study) -> Training:
    """The study's training of a folder below ``models/``. Raises InputError for any other."""
    for training in trainings(study):
        if training.path == path:
            return training
    raise InputError(f"{path}: study {study.name} has no such training; it has {', '.join(t.path for t in trainings(study))}")


def _trained_on(experiment: Experiment, study: Study) -> list[str]:
    if experiment.data == "synthetic":
        return ["both"]
    if experiment.data == "both":
        return ["both"] if study.datasets.b else []
    return [study.datasets.a] if experiment.ablation else datasets(study)
