"""Many trainings of SFERA in one pool: each has its own manifest, so a run that was killed loses the last seconds of those at work."""

from functools import partial
from pathlib import Path

from cardiosynth.measuring.plan import group
from cardiosynth.study.experiments import Training
from cardiosynth.study.files import sha256, write_json
from cardiosynth.study.pool import run_in_order
from cardiosynth.study.provenance import MANIFEST
from cardiosynth.study.study_file import Study
from cardiosynth.workflow.stages import train_sfera


def train_group(study: Study, results: Path, name: str, workers: int) -> None:
    """Do every training of a group that is not up to date, each after the one that it starts from; models/<group>.json lists them all."""
    chosen = group(study, name)
    after = {training: {training.start} & set(chosen) for training in chosen}
    run_in_order(after, partial(_train, study, results), workers, preload=[train_sfera.__name__])
    marks = {training.path: sha256(results / "models" / training.path / MANIFEST) for training in chosen}
    write_json(results / "models" / f"{name}.json", marks)


def _train(study: Study, results: Path, training: Training) -> None:
    if not train_sfera.up_to_date(study, results, training):
        train_sfera.train_sfera(study, results, training)
