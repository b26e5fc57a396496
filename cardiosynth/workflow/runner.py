"""Running a whole study: checks first, one run at a time, Snakemake for the rest, Table 1 at the end."""

import errno
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import yaml

from cardiosynth import ROOT
from cardiosynth.judging.paper import format_table1
from cardiosynth.study.errors import InputError
from cardiosynth.study.experiments import datasets, stages
from cardiosynth.study.study_file import Study, load_study
from cardiosynth.workflow.notebooks import pages
from cardiosynth.workflow.pages import have_their_figures

CHATTER = (
    "Assuming unrestricted",
    "Building DAG",
    "Using shell",
    "Select jobs",
    "Execute ",
    "Nothing to be done",
    "Complete log",
    "Elapsed time",
    "[IPKernelApp]",
)


def run(study_file: Path, data: str | None, cores: int, again: str | None = None) -> None:
    """Run what is not up to date. Raises InputError for bad input, where nothing can be written, on Windows, and when a stage failed."""
    _check_system()
    study = load_study(study_file)
    _check_names(study, study_file)
    _check_data(study, data)
    results = ROOT / "results" / study.name
    started = time.time()
    command = snakemake(study_file, data, cores, "--rerun-incomplete", "--quiet", "progress", "rules", "host")
    command += ["--forcerun", again] if again else []
    environment = (
        os.environ
        | {
            "CARDIOSYNTH_STAGES": json.dumps([*stages(study).values(), *(f"notebook {path.stem}" for path in pages()), "book"]),
            "CARDIOSYNTH_STARTED": str(started),
            "CARDIOSYNTH_RUNNER": str(os.getpid()),
            "OMP_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore",
            "PYTHONUTF8": "1",  # whatever the locale, in libraries too
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),  # notebooks run this checkout's code
        }
        | _cache()
    )
    with _one_at_a_time(results) as lock:
        if not have_their_figures(results):
            (results / "notebooks" / "pages.json").unlink(missing_ok=True)  # so that those pages run again
        if _run(command, environment, lock):
            raise InputError(f"study {study.name} stopped: the message above says why; the same command goes on from there")
    print(format_table1(pd.read_csv(results / "table1.csv")))
    print(f"\nThe book: {os.path.relpath(results / 'book' / 'html' / 'index.html')}  ({(time.time() - started) / 60:.1f} min)")


def snakemake(study_file: Path, data: str | None, cores: int, *options: str) -> list[str]:
    """The command that runs a study's workflow. It keeps no lock of its own: a kill would leave it behind."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile"), "--directory", str(ROOT)]
    settings = [_setting("study", os.path.relpath(study_file.resolve(), ROOT))]
    settings += [_setting("data", str(Path(data).resolve()))] if data else []
    return [*command, "--cores", str(cores), "--nolock", "--config", *settings, *options]


def _run(command: list[str], environment: dict, lock: int) -> int:
    """Run Snakemake without its own chatter between the stages, and without its traceback but for the last line; returns its exit status.

    lock: descriptor of the study's lock, which it holds too: it may outlive this process when that is killed.
    """
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, encoding="utf-8", errors="replace", pass_fds=(lock,)) as process:
        inside = False
        for line in process.stderr:
            inside = line.startswith("Traceback ") or inside and line[0].isspace()
            if not inside and not line.startswith(CHATTER):
                sys.stderr.write(line)
    return process.returncode


def _cache() -> dict[str, str]:
    """Where Snakemake may keep its cache when the home folder cannot be written, as in a container."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    return {} if os.access(there, os.W_OK) else {"XDG_CACHE_HOME": str(ROOT / ".snakemake" / "cache")}


def _check_names(study: Study, study_file: Path) -> None:
    """Refuse a study whose results would be those of another file, and names of files that a workflow would take for patterns."""
    if study_file.stem != study.name:
        raise InputError(f"{study_file}: the key name is {study.name!r}; give file and study one name, or another study's results are lost")
    for path in (study.datasets.split, study.generator.perceptual_weights):
        if path and set("{}") & set(str(path)):
            raise InputError(f"{study_file}: {path}: braces stand for wildcards in a workflow; give that file another name")


def _check_data(study: Study, data: str | None) -> None:
    """Fail before anything runs when a real dataset is wanted and not there."""
    real = [name for name in datasets(study) if not name.startswith("phantom")]
    if real:
        from cardiosynth.data import sources

        for name in real:
            sources.jobs(name, data, study)


def _setting(name: str, value: str) -> str:
    """A value for Snakemake's --config, which reads numbers and YAML and strips quotes: a list of one quoted text stays as it is."""
    return f"{name}=[{yaml.safe_dump(value, default_style=chr(34), width=math.inf).strip()}]"


def _check_system() -> None:
    try:
        import fcntl  # noqa: F401  (locks)
    except ImportError as error:
        here = "the commands ingest, export, predict and notebook work here"
        raise InputError(f"a whole study needs Linux or macOS; on Windows run it in WSL ({here})") from error


@contextmanager
def _one_at_a_time(results: Path) -> Iterator[int]:
    """Hold the study's lock; yields its descriptor. Warns where there are no locks.

    Raises InputError where another run has it or the checkout cannot be written.
    """
    import fcntl

    try:
        for folder in (results, ROOT / ".snakemake"):
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        lock = open(results / ".running", "a+", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{folder}: {(error.strerror or str(error)).lower()}; a study writes into its checkout: run it in a copy of {ROOT} that you may write"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise InputError(f"{results}: this study is already running (process {lock.read()}); wait for it or stop it first") from error
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL):
                raise
            print(f"{results}: no locks on this file system; see to it yourself that the study runs only once at a time", file=sys.stderr)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock.fileno()
