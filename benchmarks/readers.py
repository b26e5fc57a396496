"""How well and how fast public layouts are read: volumes against counts made without this package, and memory.

    python benchmarks/readers.py volumes --acdc PATH --kaggle-png PATH --sunnybrook PATH
    python benchmarks/readers.py speed --acdc PATH
    python benchmarks/readers.py contents --acdc PATH --kaggle-png PATH --kaggle-png OTHER

Each call rewrites its table in data/results/readers/. Only sums over a dataset are written.
"""

import subprocess
import sys
import tempfile
import time
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
import typer
import yaml

from cardiosynth.data import quality
from cardiosynth.data.readers.contents import AS_DRAWN, EXCHANGED, border_shares, brightness
from cardiosynth.data.sources import all_jobs, read
from cardiosynth.data.volumes import LV, MYOCARDIUM, RV, ejection_fraction
from cardiosynth.study.errors import InputError
from cardiosynth.study.sections import Grid

RESULTS = Path(__file__).parent.parent / "data" / "results" / "readers"
app = typer.Typer(add_completion=False)


@app.command()
def volumes(acdc: str = "", kaggle_png: str = "", sunnybrook: str = "", workers: int = 2) -> None:
    """EDV, ESV and EF of every subject against a reference."""
    rows = []
    for dataset, root, reference in (("acdc", acdc, _count_acdc), ("kaggle-png", kaggle_png, None), ("sunnybrook", sunnybrook, None)):
        if root:
            rows += _compare(dataset, root, reference, workers)
    _write(pd.DataFrame(rows), "volumes")


def _compare(dataset: str, root: str, reference, workers: int) -> list[dict]:
    jobs, log, ours = all_jobs(dataset, root), quality.Log(), []
    for subject in log.passing(read(jobs, Grid(), workers, dataset)):
        ours.append({"id": subject.id, "edv_ml": subject.edv_ml, "esv_ml": subject.esv_ml, **subject.extra})
    ours = pd.DataFrame(ours).set_index("id")
    counts = {
        "dataset": dataset,
        "found": len(jobs),
        "read": len(ours),
        "left_out": len(log.refused()),
        "mended": sum(row["status"] == "mended" for row in log.records),
        "pairs_with_same_images": len(log.twins()),
    }
    if reference is not None:
        compared, theirs = "voxel counts made with SimpleITK", reference(jobs)
        mine = ours[["edv_ml", "esv_ml"]]
    elif "mask_edv_ml" in ours:
        compared, theirs = "reference volumes of the organisers", ours[["edv_ml", "esv_ml"]]
        mine = ours[["mask_edv_ml", "mask_esv_ml"]].set_axis(["edv_ml", "esv_ml"], axis=1)
    else:
        return [counts | {"compared_with": "nothing", "quantity": name, "mean": value} for name, value in _with_ef(ours).mean().items()]
    mine, theirs = _with_ef(mine), _with_ef(theirs.loc[mine.index])
    return [counts | {"compared_with": compared} | _difference(name, mine[name], theirs[name]) for name in mine]


def _with_ef(table: pd.DataFrame) -> pd.DataFrame:
    table = table[["edv_ml", "esv_ml"]].astype(float)
    return table.assign(ef=ejection_fraction(table["edv_ml"], table["esv_ml"]))


def _difference(name: str, mine: pd.Series, theirs: pd.Series) -> dict:
    error = mine - theirs
    return {
        "quantity": name,
        "mean": mine.mean(),
        "r": np.corrcoef(mine, theirs)[0, 1],
        "bias": error.mean(),
        "rmse": np.sqrt((error**2).mean()),
        "largest": error.abs().max(),
    }


def _count_acdc(jobs: list) -> pd.DataFrame:
    """Voxels of label 3 times the voxel's size, read with another library; its spacing is the wrong affine's, so the tag is taken."""
    rows = {}
    for job in jobs:
        folder = job.load.args[0].path
        info = dict(line.split(": ") for line in (folder / "Info.cfg").read_text().splitlines())
        for phase, column in (("ED", "edv_ml"), ("ES", "esv_ml")):
            image = sitk.ReadImage(str(folder / f"{job.id}_frame{int(info[phase]):02d}_gt.nii.gz"))
            voxel_mm3 = np.prod([float(image.GetMetaData(f"pixdim[{axis}]")) for axis in (1, 2, 3)])
            rows.setdefault(job.id, {})[column] = (sitk.GetArrayViewFromImage(image) == 3).sum() * voxel_mm3 / 1000
    return pd.DataFrame.from_dict(rows, orient="index")


@app.command()
def contents(acdc: str = "", kaggle_png: list[str] = None) -> None:
    """What the checks of masks and images find in drawn hearts: least, median and most over the phases of all hearts of a dataset."""
    if kaggle_png is None:
        kaggle_png = []
    tables = []
    for dataset, roots in (("acdc", [acdc] if acdc else []), ("kaggle-png", kaggle_png)):
        rows = pd.DataFrame([row for root in roots for subject in _subjects(dataset, root) for row in _checked(subject.images, subject.masks)])
        if len(rows):
            told = rows.agg(["count", "min", "median", "max"]).T.rename(columns={"count": "phases", "min": "least", "max": "most"})
            tables.append(told.rename_axis("quantity").reset_index().assign(dataset=dataset))
    _write(pd.concat(tables)[["dataset", "quantity", "phases", "least", "median", "most"]], "contents")


def _subjects(dataset: str, root: str):
    """The subjects of a dataset that can be read, on their own grids."""
    for job in all_jobs(dataset, root):
        try:
            yield job.load()
        except InputError:
            continue


def _checked(images: np.ndarray, masks: np.ndarray) -> list[dict[str, float]]:
    """A row for each phase."""
    return [_phase_checked(images, masks, phase) for phase in (0, 1)]


def _phase_checked(images: np.ndarray, masks: np.ndarray, phase: int) -> dict[str, float]:
    shares, ratios = border_shares(masks[:, phase]), brightness(images, masks, phase)
    own, moved = ratios.pop(AS_DRAWN), max(ratio for how, ratio in ratios.items() if "moved" in how)
    turned = max(ratio for how, ratio in ratios.items() if "moved" not in how and how != EXCHANGED)
    area = np.trim_zeros((masks[:, phase] == LV).sum(axis=(1, 2)))
    row = {
        "blood_over_muscle": own,
        "best_turned_over_own": turned / own,
        "best_moved_over_own": moved / own,
        "inner_slice_over_smaller_neighbour": (area[1:-1] / np.minimum(area[:-2], area[2:]).clip(1)).min(initial=9),
    }
    if (masks == MYOCARDIUM).any():
        row |= {
            "lv_border_myocardium": shares[LV, MYOCARDIUM],
            "largest_other_share": max(shares[pair] for pair in permutations((RV, MYOCARDIUM, LV), 2) if pair != (LV, MYOCARDIUM)),
        }
    return row


@app.command()
def speed(acdc: str = "", phantoms: list[int] = None) -> None:
    """Subjects per second of ``ingest`` on one core and on all, and the peak memory of its main process."""
    if phantoms is None:
        phantoms = [150, 1500]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        if acdc:
            rows += [_ingest("acdc", acdc, Path(folder), workers) for workers in (1, 2)]
        for count in phantoms:
            study = Path(folder) / f"{count}.yaml"
            study.write_text(
                yaml.safe_dump(
                    {
                        "name": "many",
                        "title": "many",
                        "datasets": {"a": "phantom-a"},
                        "phantom": {"train": count - 2, "validation": 1, "test": 1},
                        "grid": {"size_px": 32},
                    }
                )
            )
            rows.append(_ingest("phantom-a", str(study), Path(folder), 2))
    _write(pd.DataFrame(rows), "speed")


def _ingest(dataset: str, root: str, folder: Path, workers: int) -> dict:
    """One ingestion in a process of its own, timed from outside; it tells its peak memory at the end."""
    code = (
        "import resource\nfrom pathlib import Path\n"
        "from cardiosynth.workflow.stages.prepare import ingest\nfrom cardiosynth.study.sections import Grid\n"
        f"if __name__ == '__main__':\n    ingest({dataset!r}, {root!r}, Path({str(folder / 'out')!r}), Grid(), {workers})\n"
        "    print(*(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))\n"
    )
    script = folder / "one.py"
    script.write_text(code)
    started = time.perf_counter()
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    main_kb, worker_kb = (int(value) for value in done.stdout.splitlines()[-1].split())
    count = len(pd.read_csv(folder / "out" / "subjects.csv"))
    return {
        "dataset": dataset,
        "subjects": count,
        "workers": workers,
        "seconds": seconds,
        "subjects_per_s": count / seconds,
        "main_peak_mb": main_kb / 1024,
        "worker_peak_mb": worker_kb / 1024,
    }


def _write(table: pd.DataFrame, name: str) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(RESULTS / f"{name}.csv", index=False)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    app()
