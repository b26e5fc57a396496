"""Running a whole study: checks first, one run at a time, Snakemake for the rest, Table 1 at the end."""

import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from cardiosynth.errors import InputError
from cardiosynth.experiments import datasets, trainings
from cardiosynth.paper import format_table1
from cardiosynth.publish import ROOT, notebooks
from cardiosynth.study import Study, load_study

CHATTER = (
    "Assuming unrestricted", "Building DAG", "Using shell", "Select jobs", "Execute ", "Nothing to be done",
    "Complete log", "Elapsed time", "[IPKernelApp]",
)


def titles(study: Study) -> list[str]:
    """The stages of a study as they announce themselves."""
    return [
        *(f"prepare {name}" for name in datasets(study)),
        "segmentation", "reader", "masks", "generator", "paint",
        *(["paint phantom"] if study.questions.phantom else []),
        *(["outlines", "paint outlines"] if study.questions.outlines else []),
        "fidelity", "realism",
        *(f"train {training.path}" for training in trainings(study)),
        "evaluate", "inference time", "model",
        *(f"notebook {path.stem}" for path in notebooks()),
        "book",
    ]


def run(study_file: Path, data: str | None, cores: int, again: str | None = None) -> None:
    """Run what is not up to date. Raises InputError for bad input and when a stage failed."""
    study = load_study(study_file)
    _check_data(study, data)
    results = ROOT / "results" / study.name
    started = time.time()
    command = [
        sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile"), "--directory", str(ROOT),
        "--cores", str(cores), "--nolock", "--rerun-incomplete", "--quiet", "progress", "rules", "host",
        *(["--forcerun", again] if again else []),
        "--config", f"study={os.path.relpath(study_file.resolve(), ROOT)}", *([f"data={Path(data).resolve()}"] if data else []),
    ]
    environment = os.environ | {
        "CARDIOSYNTH_STAGES": json.dumps(titles(study)), "CARDIOSYNTH_STARTED": str(started),
        "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore",
    }
    with _one_at_a_time(results):
        if _run(command, environment):
            raise InputError(f"study {study.name} stopped: the message above says why; the same command goes on from there")
    print(format_table1(pd.read_csv(results / "table1.csv")))
    print(f"\nThe book: {os.path.relpath(results / 'book' / 'html' / 'index.html')}  ({(time.time() - started) / 60:.1f} min)")


def _run(command: list[str], environment: dict) -> int:
    """Run Snakemake without its own chatter between the stages; returns its exit status."""
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if not line.startswith(CHATTER):
                sys.stderr.write(line)
    return process.returncode


def _check_data(study: Study, data: str | None) -> None:
    """Fail before anything runs when a real dataset is wanted and not there."""
    real = [name for name in datasets(study) if not name.startswith("phantom")]
    if real:
        from cardiosynth import sources

        for name in real:
            sources.jobs(name, data, study)


@contextmanager
def _one_at_a_time(results: Path):
    results.mkdir(parents=True, exist_ok=True)
    with open(results / ".running", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{results}: this study is already running; wait for it or stop it first") from error
        yield
