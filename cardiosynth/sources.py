"""Where subjects come from: one list of jobs, each of which loads one subject anywhere."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from cardiosynth import phantom
from cardiosynth.cohort import Subject
from cardiosynth.datasets import acdc, kaggle, kaggle_png, mnms, sunnybrook, ukbb
from cardiosynth.datasets.layout import Scan
from cardiosynth.datasets.splits import load_split
from cardiosynth.duplicates import fingerprints
from cardiosynth.errors import InputError
from cardiosynth.preprocessing import place, prepare
from cardiosynth.progress import bar
from cardiosynth.quality import Reading, left_out, record
from cardiosynth.sections import Grid
from cardiosynth.study import Study, load_study

ROOT = Path(__file__).parent.parent
LAYOUTS = {"acdc": acdc, "mnms": mnms, "ukbb": ukbb, "kaggle": kaggle, "kaggle-png": kaggle_png, "sunnybrook": sunnybrook}
PHANTOMS = ("phantom-a", "phantom-b")


@dataclass(frozen=True)
class Job:
    """One subject to be loaded: its name and split, and what ``load`` calls. Small, so that any process can do it."""

    id: str
    split: str
    load: Callable[[], Subject]


def jobs(dataset: str, data, study: Study) -> list[Job]:
    """Every subject of a study's dataset, in the cohort's order.

    data: folder of a dataset of patients, or its parent; phantoms are drawn from the study's seed.
    Raises InputError where the split names patients that the folder lacks.
    """
    if dataset in PHANTOMS:
        return _phantoms(dataset, study)
    scans = {scan.id: scan for scan in LAYOUTS[dataset].find(data)}
    if study.datasets.split is None:
        return [_job(dataset, scan, scan.part, study.datasets.truth) for scan in scans.values()]
    split = load_split(ROOT / study.datasets.split, dataset)
    missing = sorted(set(split) - set(scans))
    if missing:
        raise InputError(
            f"{data}: {len(missing)} patients of {study.datasets.split} are absent, first {missing[0]}; expected all {len(split)}"
        )
    return [_job(dataset, scans[name], split[name], study.datasets.truth) for name in sorted(split)]


def all_jobs(dataset: str, root: str) -> list[Job]:
    """Every subject there is, in the publishers' split. root: the dataset's folder; for a phantom, a study file."""
    if dataset in PHANTOMS:
        return _phantoms(dataset, load_study(root))
    if dataset not in LAYOUTS:
        raise InputError(f"{dataset}: no such dataset; expected {', '.join([*LAYOUTS, *PHANTOMS])}")
    return [_job(dataset, scan, scan.part) for scan in LAYOUTS[dataset].find(root)]


def _job(dataset: str, scan: Scan, split: str, truth: str = "published") -> Job:
    load = partial(LAYOUTS[dataset].read, scan)
    return Job(scan.id, split, partial(_by_masks, load) if truth == "masks" else load)


def _by_masks(load: Callable[[], Subject]) -> Subject:
    """A subject whose volumes are those of its masks; the published ones go to ``reference_edv_ml`` and ``reference_esv_ml``.

    Layouts whose volumes are those of the masks anyway are left as they are.
    """
    subject = load()
    if "mask_edv_ml" not in subject.extra:
        return subject
    extra = {name: value for name, value in subject.extra.items() if name not in ("mask_edv_ml", "mask_esv_ml")}
    extra |= {"reference_edv_ml": subject.edv_ml, "reference_esv_ml": subject.esv_ml}
    return replace(subject, edv_ml=subject.extra["mask_edv_ml"], esv_ml=subject.extra["mask_esv_ml"], extra=extra)


def _phantoms(dataset: str, study: Study) -> list[Job]:
    site = dataset.removeprefix("phantom-")
    return [
        Job(f"{dataset}-{split}-{index:04d}", split, partial(phantom.subject, site, split, index, count, study.seed))
        for split, count in study.phantom.model_dump().items() for index in range(count)
    ]


def read(pending: list[Job], grid: Grid, workers: int, title: str) -> Iterator[Reading]:
    """Every job's subject on the grid, in order, made by a pool of processes; a bad one says why and stops nobody."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield from bar(_in_order(pool, partial(_read_one, grid), pending, ahead=4 * workers), title, total=len(pending))
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(pool, function, pending: Iterable, ahead: int) -> Iterator:
    """Like ``pool.map``, but only ``ahead`` results may wait, so that memory does not grow with the number of jobs."""
    waiting = deque()
    for job in pending:
        waiting.append(pool.submit(function, job))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read_one(grid: Grid, job: Job) -> Reading:
    try:
        scan = job.load()
        scan.extra["split"] = job.split
        placement = place(scan, grid)
        return Reading(prepare(scan, grid, placement), record(scan, placement, grid), fingerprints(scan.images))
    except InputError as error:
        return left_out(job.id, job.split, error)
