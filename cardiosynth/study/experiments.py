"""The experiments as data: what each trains on and where it starts from.

EXPERIMENTS are the paper's (Results); QUESTIONS are ours, and run where the study's section ``questions`` asks them.
"""

from dataclasses import dataclass, replace

from cardiosynth.study.errors import InputError
from cardiosynth.study.study_file import Study


@dataclass(frozen=True)
class Experiment:
    """One way of training SFERA.

    data: ``real`` (the dataset's own training subjects), ``both`` (real subjects of both datasets) or
    ``synthetic``. start: the experiment whose weights it starts from, or None. selection: which
    synthetic subjects, ``all``, ``half-random`` or ``half-matched`` (EF as in the real training set).
    reported: whether its predictions are a result or only a step to another one. question: the key of the section
    ``questions`` that asks for it; amount: the number there, which its name ends with.
    """

    name: str
    data: str
    start: str | None = None
    selection: str = "all"
    ablation: bool = False
    reported: bool = True
    question: str = ""
    amount: int | None = None


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

QUESTIONS = {
    e.name: e
    for e in (
        Experiment("RSO-reduced", "real", question="reduced"),
        Experiment("RSO-subjects", "real", question="subjects"),
        Experiment("SSO-subjects", "synthetic", question="subjects", reported=False),
        Experiment("RSP-subjects", "real", start="SSO-subjects", question="subjects"),
        Experiment("RSO-zoom", "real", question="zoom"),
        Experiment("RSO-longer", "real", question="longer"),
        Experiment("SSO-phantom", "synthetic", question="phantom"),
        Experiment("RSP-phantom", "real", start="SSO-phantom", question="phantom"),
        Experiment("SSO-warp", "synthetic", question="warp"),
        Experiment("RSP-warp", "real", start="SSO-warp", question="warp"),
        Experiment("SSO-outlines", "synthetic", question="outlines"),
        Experiment("RSP-outlines", "real", start="SSO-outlines", question="outlines"),
    )
}
COHORTS = {  # the datasets, in the words of captions
    "phantom-a": "embedded phantom, not patients",
    "phantom-b": "embedded phantom, second site, not patients",
    "acdc": "ACDC patients",
    "mnms": "M&Ms patients",
    "ukbb": "UK Biobank participants",
    "kaggle": "Data Science Bowl patients",
    "kaggle-png": "Data Science Bowl patients with LV outlines",
    "sunnybrook": "Sunnybrook patients",
}
PAINTED = {"phantom": "phantom", "warp": "warp", "outlines": "outlines/images"}  # where a question's synthetic hearts lie, below synthetic/


def is_question(name: str) -> bool:
    """Whether an experiment of this name belongs to a question."""
    return name in QUESTIONS or name.rpartition("-")[0] in QUESTIONS


def painted(name: str) -> str:
    """The folder of the synthetic hearts that an experiment of this name trains on."""
    return f"synthetic/{PAINTED.get(experiment(name).question, 'images')}"


def experiment(name: str) -> Experiment:
    """The experiment of a name: the paper's, or a question's, whose name may end with an amount (``RSO-subjects-20``).

    Raises KeyError for any other name.
    """
    if name in EXPERIMENTS or name in QUESTIONS:
        return EXPERIMENTS.get(name) or QUESTIONS[name]
    family, _, amount = name.rpartition("-")
    found = QUESTIONS[family]
    return replace(found, name=name, amount=int(amount), start=found.start and f"{found.start}-{amount}")


def questions(study: Study) -> list[Experiment]:
    """The experiments that the study's section ``questions`` asks for, each after the one that it starts from.

    Raises InputError where a question needs a Dataset 2 that the study lacks.
    """
    if study.questions.outlines and not study.datasets.b:
        raise InputError(f"study {study.name}: questions.outlines needs a Dataset 2, whose hearts the U-Net outlines; name datasets.b")
    found = []
    for question, asked in study.questions.model_dump().items():
        for family in (e for e in QUESTIONS.values() if e.question == question):
            amounts = asked if isinstance(asked, list) else [None] * bool(asked)
            found += [experiment(family.name if amount is None else f"{family.name}-{amount}") for amount in amounts]
    return found


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
        start = experiment(self.experiment).start
        return Training(start, "both", self.seed) if start else None


def datasets(study: Study) -> list[str]:
    """Dataset 1 and, where the study has one, Dataset 2."""
    return [name for name in (study.datasets.a, study.datasets.b) if name]


def trainings(study: Study) -> list[Training]:
    """Every training of a study in an order that respects ``start``.

    RSA needs two datasets and is absent where there is one; the ablations run on Dataset 1, and so do the questions,
    but for hearts outlined by the U-Net: those are of Dataset 2.
    """
    return [
        Training(chosen.name, dataset, seed)
        for chosen in [*EXPERIMENTS.values(), *questions(study)]
        for seed in (study.ablation_seeds if chosen.ablation else study.seeds)
        for dataset in _trained_on(chosen, study)
    ]


def evaluated_on(training: Training, study: Study) -> list[str]:
    """The datasets whose held-out subjects a training predicts."""
    return datasets(study) if training.dataset == "both" else [training.dataset]


def training_from_path(path: str, study: Study) -> Training:
    """The study's training of a folder below ``models/``. Raises InputError for any other."""
    for training in trainings(study):
        if training.path == path:
            return training
    raise InputError(f"{path}: study {study.name} has no such training; it has {', '.join(t.path for t in trainings(study))}")


def stages(study: Study) -> dict[str, str]:
    """To the folder of each stage below the study's results the title that it announces, in their order."""
    asked = study.questions
    return {
        **{f"cohorts/{name}": f"prepare {name}" for name in datasets(study)},
        "segmentation": "segmentation",
        "reader": "reader",
        "synthetic": "masks",
        "generator": "generator",
        "synthetic/images": "paint",
        **({"synthetic/phantom": "paint phantom"} if asked.phantom else {}),
        **({"synthetic/warp": "paint warp"} if asked.warp else {}),
        **({"synthetic/outlines": "outlines", "synthetic/outlines/images": "paint outlines"} if asked.outlines else {}),
        "fidelity": "fidelity",
        "realism": "realism",
        **{f"models/{training.path}": f"train {training.path}" for training in trainings(study)},
        "tables": "evaluate",
        "inference": "inference time",
        "model": "model",
    }


def _trained_on(chosen: Experiment, study: Study) -> list[str]:
    if chosen.data == "synthetic":
        return ["both"]
    if chosen.data == "both":
        return ["both"] if study.datasets.b else []
    if chosen.question == "outlines":
        return datasets(study)[1:]
    return [study.datasets.a] if chosen.ablation or chosen.question else datasets(study)
