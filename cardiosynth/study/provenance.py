"""What ran, on what, with what: a manifest for every stage, one summary for the study."""

import json
import os
import platform
import re
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import psutil
from threadpoolctl import threadpool_limits

from cardiosynth import ROOT
from cardiosynth.study.closure import mark
from cardiosynth.study.errors import InputError
from cardiosynth.study.files import named, sha256, write_json

MANIFEST, TIMING = "manifest.json", "timing.json"
PACKAGES = ("torch", "numpy", "scipy", "pandas", "scikit-learn", "statsmodels", "monai", "snakemake", "papermill", "jupyter-book")
HASHED = (".csv", ".npy", ".safetensors", ".ipynb", ".png")

_first = True  # whether this process has not begun a stage


@contextmanager
def stage(folder, title: str, parameters: dict, module: str, made_from: str = ""):
    """Run a stage that fills ``folder``, in one thread on a CPU; its manifest appears last, and only when the stage succeeded.

    module: the stage's own ``__name__``. made_from: what ``up_to_date`` compares. ``manifest.json`` holds the parameters and the
    SHA-256 of each file made, and is the same for the same work; ``timing.json`` holds times, peak memory, the mark of the code and
    the surroundings. Yields the folder, without the files that an earlier run of the stage made; a training's state stays.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    if (folder / TIMING).exists():  # else no stage has run here, and what there is belongs to somebody
        for stale in _made(folder):
            stale.unlink()
    write_json(folder / TIMING, {"stage": title})
    announce(title)
    one_thread()
    code = mark(module)  # now: who edits while it runs has edited for the next run
    started, startup_s = time.monotonic(), _startup_s()
    before_mb = _forget_peak()
    with named(folder):
        yield folder
    wall_s = time.monotonic() - started
    timing = {
        "stage": title,
        "wall_s": round(wall_s, 2),
        "startup_s": startup_s,
        "peak_rss_mb": _peak_rss_mb(before_mb),
        "code": code,
        "made_from": made_from,
    }
    write_json(folder / TIMING, timing | _surroundings())
    files = {path.name: sha256(path) for path in _made(folder)}
    write_json(folder / MANIFEST, {"stage": title, "parameters": parameters, "files": files})
    print(f"    done: {title}, {wall_s:.0f} s", file=sys.stderr, flush=True)


def up_to_date(folder: Path, made_from: str) -> bool:
    """Whether a stage has filled the folder from just this: a mark of its code, its parameters and its inputs."""
    return (folder / MANIFEST).is_file() and _read_json(folder / TIMING).get("made_from") == made_from


def announce(title: str) -> None:
    """Say on the error stream which stage begins, and which of how many it is when the study's runner has told."""
    print(f"{_place(title)}{title}", file=sys.stderr, flush=True)


def _made(folder: Path) -> list[Path]:
    """The files of a stage that its manifest lists: not the state of a training (nor hidden files, nor those in folders below)."""
    return [path for path in sorted(folder.iterdir()) if path.suffix in HASHED and path.is_file() and path.name.split(".")[0] not in ("state", "")]


def refuse_changed(folder: Path) -> None:
    """Raise InputError where a file is not the one that the folder's manifest lists. Without a manifest a warning says so."""
    if not (Path(folder) / MANIFEST).is_file():
        print(f"warning: {folder}: no {MANIFEST}, so nothing tells whether its files belong together", file=sys.stderr)
        return
    for name, expected in _read_json(Path(folder) / MANIFEST).get("files", {}).items():
        path = Path(folder) / name
        if not path.is_file() or sha256(path) != expected:
            raise InputError(f"{path}: {'changed' if path.is_file() else 'missing'} since the folder was made (see {MANIFEST}); make it again")


def summarise(study, manifests: list[Path], path: Path) -> None:
    """Write provenance.json: commit, study, seed, versions, device, and each stage's time and memory.

    Stages may have run on different machines and at different commits; device, machine, torch and commit name all of them.
    """
    here = _surroundings()
    stages = [here | _read_json(m) | _read_json(m.with_name(TIMING)) for m in manifests]
    met = {name: ", ".join(dict.fromkeys(s[name] for s in stages)) for name in ("device", "machine", "torch", "commit")}
    write_json(
        path,
        {
            "study": study.name,
            "title": study.title,
            "datasets": study.datasets.model_dump(),
            "seed": study.seed,
            "seeds": study.seeds,
            "commit": met["commit"],
            "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES} | {"torch": met["torch"]},
            "device": met["device"],
            "machine": met["machine"],
            "wall_s": round(sum(s["wall_s"] for s in stages), 1),
            "peak_rss_mb": max(s["peak_rss_mb"] for s in stages),
            "data_sha256": {s["stage"]: s["files"] for s in stages if s["stage"].startswith("prepare")},
            "stages": [
                {key: s[key] for key in ("stage", "wall_s", "startup_s", "peak_rss_mb", "device", "threads", "code", "commit") if key in s}
                for s in stages
            ],
        },
    )


def load(results) -> dict:
    """provenance.json of a study's results. Raises InputError where the study has not run."""
    path = Path(results) / "provenance.json"
    if not path.is_file():
        raise InputError(f"{path}: missing; run the study first ('make study')")
    return _read_json(path)


def _read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no text
        raise InputError(f"{path}: damaged ({error}); remove {path.parent / MANIFEST} and run the study again") from error


def footer(results, notebook: str) -> str:
    """Markdown for the foot of a page: study, seeds, data, device, versions, commit, and the notebook."""
    p = load(results)
    hashes = ", ".join(f"{name.removeprefix('prepare ')} `{files['images.npy'][:12]}`" for name, files in p["data_sha256"].items())
    return (
        f"**Study** {p['study']} ({p['title']}) · **seed** {p['seed']}, trainings {p['seeds']} · "
        f"**stages took** {p['wall_s'] / 60:.1f} min in all on {p['device']} ({p['machine']}), peak memory {p['peak_rss_mb']:.0f} MB · "
        f"{_commits(p['commit'])} · **data** {hashes} · "
        f"python {p['versions']['python']}, torch {p['versions']['torch']}, numpy {p['versions']['numpy']} · "
        f"made by `notebooks/{notebook}`"
    )


def _commits(commits: str) -> str:
    """The commit that made the numbers; where there were several, that some stages stood from an earlier one."""
    several = ", " in commits
    return f"**commit{'s' * several}** `{commits}`" + " (what a change of code did not concern was not made again)" * several


def stage_table(results) -> pd.DataFrame:
    """Time and memory of every stage, for the status page."""
    return pd.DataFrame(load(results)["stages"])


def commit() -> str:
    """Short hash of the checkout, ``+changes`` where files differ from it, ``unknown`` outside git."""

    def git(*words):
        return subprocess.run(["git", *words], capture_output=True, encoding="utf-8", errors="replace", cwd=ROOT)

    try:
        head = git("rev-parse", "--short", "HEAD")
    except OSError:  # no git here
        return "unknown"
    if head.returncode:
        return "unknown"
    return head.stdout.strip() + ("+changes" if git("status", "--porcelain", "--untracked-files=no").stdout.strip() else "")


def device() -> str:
    """The device that torch would train on: ``cuda`` where there is one, else ``cpu``."""
    if "torch" not in sys.modules:
        return "cpu"
    return "cuda" if sys.modules["torch"].cuda.is_available() else "cpu"


def one_thread() -> None:
    """Let numpy, scipy and torch compute in one thread from here on, but for work on a graphics card.

    Sums then have one order, and so the same bytes, on any machine; and processes side by side do not wait for each other.
    """
    if device() == "cpu":
        threadpool_limits(1)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)


def _surroundings() -> dict:
    """Where a stage ran and on which code: device by its name, machine, torch's version, its threads, and the commit."""
    name = sys.modules["torch"].cuda.get_device_name() if device() == "cuda" else "cpu"
    threads = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else 1
    machine = f"{platform.system()} {platform.machine()} with {os.cpu_count()} cores"
    return {"device": name, "machine": machine, "torch": version("torch"), "threads": threads, "commit": commit()}


def _place(title: str) -> str:
    """'stage 4 of 31 · ' when the study's runner has told how many stages there are."""
    titles = json.loads(os.environ.get("CARDIOSYNTH_STAGES", "[]"))
    if title not in titles:
        return ""
    spent = time.time() - float(os.environ.get("CARDIOSYNTH_STARTED", time.time()))
    return f"[{spent / 60:4.1f} min] stage {titles.index(title) + 1} of {len(titles)} · "


def _startup_s() -> float:
    """Seconds from the start of this process to its first stage; 0 for those that follow."""
    global _first
    seconds = time.time() - psutil.Process().create_time() if _first else 0.0
    _first = False
    return round(seconds, 2)


def _forget_peak() -> float:
    """Let the peak of memory be that of the stage which begins, where the system can: Linux, by the file ``clear_refs`` of proc(5).

    Returns the peak of the children that have ended, which stays.
    """
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _largest_mb("RUSAGE_CHILDREN") or 0.0


def _peak_rss_mb(before_mb: float) -> float | None:
    """Peak memory of this process and its largest child, where that is beyond what children had before; None on Windows, which counts none."""
    own, children = _largest_mb("RUSAGE_SELF"), _largest_mb("RUSAGE_CHILDREN")
    if own is None or children is None:
        return None
    with suppress(OSError, IndexError):  # on Linux what getrusage tells of a process may be its parent's
        own = float(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))[0]) / 1024
    return round(max(own, children if children > before_mb else 0.0), 1)


def _largest_mb(who: str) -> float | None:
    """The largest memory in MB that this process has had, or any child that has ended; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(getattr(resource, who)).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
