"""Where a study's subjects come from: one list of jobs, each of which loads one subject anywhere."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from cardiosynth import phantom
from cardiosynth.cohort import Subject
from cardiosynth.datasets import acdc
from cardiosynth.errors import InputError
from cardiosynth.preprocessing import prepare
from cardiosynth.progress import bar
from cardiosynth.study import Grid, Study, load_study

ROOT = Path(__file__).parent.parent


def jobs(dataset: str, data, study: Study) -> list[tuple]:
    """What ``load`` needs for every subject of a study's dataset, in the cohort's order.

    dataset: acdc (``data`` is its folder or a parent) or phantom-a, phantom-b (drawn from the study's seed).
    Raises InputError where the split names patients that the folder lacks.
    """
    if dataset == "acdc":
        split = acdc.load_split(ROOT / study.datasets.split)
        folders = {folder.name: folder for folder in acdc.folders(data)}
        missing = sorted(set(split) - set(folders))
        if missing:
            raise InputError(
                f"{data}: {len(missing)} patients of {study.datasets.split} are absent, first {missing[0]}; "
                f"expected all {len(split)}"
            )
        return [("acdc", folders[name], split[name]) for name in sorted(split)]
    site, counts = dataset.removeprefix("phantom-"), study.phantom.model_dump()
    return [("phantom", site, split, index, count, study.seed) for split, count in counts.items() for index in range(count)]


def all_jobs(dataset: str, root: str) -> list[tuple]:
    """What ``load`` needs for every subject there is. root: the dataset's folder; for a phantom, a study file.

    Without a split, ACDC's training folder is ``train`` and its testing folder ``test``.
    """
    if dataset == "acdc":
        parts = {"training": "train", "testing": "test"}
        return [("acdc", folder, parts[folder.parent.name]) for folder in acdc.folders(root)]
    if dataset in ("phantom-a", "phantom-b"):
        return jobs(dataset, None, load_study(root))
    raise InputError(f"{dataset}: no such dataset; expected acdc, phantom-a or phantom-b")


def load(job: tuple) -> Subject:
    """One subject on its own grid, with ``extra['split']``."""
    kind, *arguments = job
    if kind == "acdc":
        folder, split = arguments
        subject = acdc.read(folder)
    else:
        split = arguments[1]
        subject = phantom.subject(*arguments)
    subject.extra["split"] = split
    return subject


def prepared(pending: list[tuple], grid: Grid, workers: int, title: str) -> Iterator[Subject]:
    """The subjects of all jobs on the grid, in order, made by a pool of processes."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield from bar(pool.map(partial(_load_and_prepare, grid), pending), title, total=len(pending))
        finally:
            pool.shutdown(cancel_futures=True)


def _load_and_prepare(grid: Grid, job: tuple) -> Subject:
    return prepare(load(job), grid)
