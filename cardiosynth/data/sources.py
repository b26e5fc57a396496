"""Where subjects come from: one list of jobs, each of which loads one subject anywhere."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import yaml

from cardiosynth import ROOT
from cardiosynth.data import phantom
from cardiosynth.data.duplicates import fingerprints
from cardiosynth.data.preprocessing import place, prepare
from cardiosynth.data.quality import Reading, left_out, record
from cardiosynth.data.readers import acdc, kaggle, kaggle_png, mnms, sunnybrook, ukbb
from cardiosynth.data.readers.layout import Scan
from cardiosynth.data.splits import load_split
from cardiosynth.data.subject import Subject
from cardiosynth.study.errors import InputError
from cardiosynth.study.pool import pool
from cardiosynth.study.progress import bar
from cardiosynth.study.sections import Grid
from cardiosynth.study.study_file import Study, load_study

LAYOUTS = {"acdc": acdc, "mnms": mnms, "ukbb": ukbb, "kaggle": kaggle, "kaggle-png": kaggle_png, "sunnybrook": sunnybrook}
PHANTOMS = ("phantom-a", "phantom-b")


def may_be_shown(dataset: str) -> bool:
    """Whether images of a dataset may stand on a page (data/sources.yaml); those of the phantom always may."""
    sources = yaml.safe_load((ROOT / "data" / "sources.yaml").read_text(encoding="utf-8"))
    return dataset in PHANTOMS or bool(sources[dataset]["images_may_be_shown"])


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
    pending = {job.id: job for job in _of_patients(dataset, data, study.datasets.truth)}
    if study.datasets.split is None:
        return list(pending.values())
    split = load_split(ROOT / study.datasets.split, dataset)
    missing = sorted(set(split) - set(pending))
    if missing:
        raise InputError(f"{data}: {len(missing)} patients of {study.datasets.split} are absent, first {missing[0]}; expected all {len(split)}")
    return [replace(pending[name], split=split[name]) for name in sorted(split)]


def all_jobs(dataset: str, root: str) -> list[Job]:
    """Every subject there is, in the publishers' split. root: the dataset's folder; for a phantom, a study file."""
    if dataset in PHANTOMS:
        return _phantoms(dataset, load_study(root))
    if dataset not in LAYOUTS:
        raise InputError(f"{dataset}: no such dataset; expected {', '.join([*LAYOUTS, *PHANTOMS])}")
    return _of_patients(dataset, root)


def _of_patients(dataset: str, root, truth: str = "published") -> list[Job]:
    """A job for each name that the folder holds. One that it holds twice is refused when it is read."""
    scans: dict[str, list[Scan]] = {}
    for scan in LAYOUTS[dataset].find(root):
        scans.setdefault(scan.id, []).append(scan)
    return [_job(dataset, own, truth) for own in scans.values()]


def _job(dataset: str, scans: list[Scan], truth: str) -> Job:
    first = scans[0]
    load = partial(LAYOUTS[dataset].read, first) if len(scans) == 1 else partial(_refuse_twice, [str(scan.path) for scan in scans])
    return Job(first.id, first.part, partial(_by_masks, load) if truth == "masks" else load)


def _refuse_twice(paths: list[str]) -> Subject:
    raise InputError(f"{paths[0]}: a second patient of that name in {paths[1]}; keep one, or give the other another name")


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
        for split, count in study.phantom.model_dump().items()
        for index in range(count)
    ]


def read(pending: list[Job], grid: Grid, workers: int, title: str) -> Iterator[Reading]:
    """Every job's subject on the grid, in order, made by a pool of processes; a bad one says why and stops nobody."""
    yield from bar(_in_order(partial(_read_one, grid), pending, workers, ahead=4 * workers), title, total=len(pending))


def _in_order(function, pending: Iterable[Job], workers: int, ahead: int) -> Iterator[Reading]:
    """Like ``map`` in a pool, but only ``ahead`` results may wait, so that memory does not grow with the number of jobs.

    A job that ends its process (for want of memory, say) breaks the pool: those that waited are done again, each alone.
    """
    jobs = iter(pending)
    while waiting := deque(islice(jobs, 1)):
        with pool(workers) as readers:
            results = deque()
            try:
                while waiting:
                    waiting.extend(islice(jobs, ahead - len(waiting)))
                    results.extend(readers.submit(function, job) for job in islice(waiting, len(results), None))
                    reading = results.popleft().result()
                    waiting.popleft()
                    yield reading
            except BrokenProcessPool:
                pass
            finally:
                readers.shutdown(cancel_futures=True)
        for job in waiting:
            yield _alone(function, job)


def _alone(function, job: Job) -> Reading:
    with pool(1) as readers:
        try:
            return readers.submit(function, job).result()
        except BrokenProcessPool:
            return left_out(job.id, job.split, InputError(f"{job.id}: reading it ended its process, as where memory runs out; look at its files"))


def _read_one(grid: Grid, job: Job) -> Reading:
    try:
        scan = job.load()
        scan.extra["split"] = job.split
        placement = place(scan, grid)
        return Reading(prepare(scan, grid, placement), record(scan, placement, grid), fingerprints(scan.images))
    except Exception as error:  # one subject must not end the others
        return left_out(job.id, job.split, error)
