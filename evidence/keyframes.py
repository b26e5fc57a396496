"""How well ED and ES are found in a cine, and what a wrong frame does to the EF.

``python evidence/keyframes.py --cine-folder SCD0000101 --contour-folder i-contours`` measures on phantom cines of
the test subjects of both sites (a few minutes) and, where the folders are given, on one Sunnybrook patient; without
them the patient's row of the results is left as it is.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom

from cardiosynth.data import phantom
from cardiosynth.data.finders.keyframes import keyframes
from cardiosynth.data.volumes import LV, ejection_fraction

RESULTS = Path(__file__).parent.parent / "data" / "results" / "finders" / "keyframes.csv"
SITES, CINES, SPLIT_SIZE, PHASES, SEED = ("a", "b"), 16, 40, 25, 0
SUNNYBROOK_PHASES = 20  # files 1 to 20 are the first slice's


def phantom_row(site: str) -> dict:
    """The errors on CINES test subjects of a site; each cine is rolled so that ED may be any phase."""
    rng, found = np.random.default_rng(SEED), []
    for index in range(CINES):
        images, masks = phantom.cine(site, "test", index, SEED, phases=PHASES, count=SPLIT_SIZE)
        shift = int(rng.integers(PHASES))
        images, masks = (np.roll(part, shift, axis=1) for part in (images, masks))
        pixel_mm = phantom.patient(site, "test", index, SPLIT_SIZE, SEED).pixel_mm
        volumes = (masks == LV).sum(axis=(0, 2, 3))
        truth, guess = (int(volumes.argmax()), int(volumes.argmin())), keyframes(images, (pixel_mm, pixel_mm))
        ef, ef_found = (float(ejection_fraction(volumes[ed], volumes[es])) for ed, es in (truth, guess))
        found.append((*_errors(guess, truth, PHASES), ef_found - ef))
    return _row(f"phantom-{site}", PHASES, np.array(found))


def sunnybrook_row(cine_folder: Path, contour_folder: Path) -> dict:
    """The errors on a patient whose endocardium is drawn at ED (the larger sum of areas) and ES; no EF at other frames."""
    frames = [pydicom.dcmread(cine_folder / f"{number + 1}.dcm") for number in range(len(list(cine_folder.glob("*.dcm"))))]
    stack = np.stack([frame.pixel_array for frame in frames])
    cine = stack.reshape(-1, SUNNYBROOK_PHASES, *stack.shape[1:])
    areas = Counter()
    for path in contour_folder.glob("*icontour-manual.txt"):
        x, y = np.loadtxt(path).T
        phase = (int(re.search(r"-(\d+)-icontour", path.name)[1]) - 1) % SUNNYBROOK_PHASES
        areas[phase] += abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    (ed, _), (es, _) = areas.most_common()
    guess = keyframes(cine, tuple(float(size) for size in frames[0].PixelSpacing))
    return _row("sunnybrook-SCD0000101", SUNNYBROOK_PHASES, np.array([(*_errors(guess, (ed, es), SUNNYBROOK_PHASES), np.nan)]))


def _errors(guess, truth, phases: int) -> list[int]:
    """Found minus true, the short way round the cycle."""
    return [(a - b + phases // 2) % phases - phases // 2 for a, b in zip(guess, truth, strict=True)]


def _row(cohort: str, phases: int, found: np.ndarray) -> dict:
    """found: (cines, 3) with the ED error, the ES error (frames) and the EF error (points)."""
    frames, ef = np.abs(found[:, :2]), found[:, 2]
    within = 100 * (frames <= 1).mean(axis=0)
    return {
        "cohort": cohort,
        "cines": len(found),
        "phases": phases,
        "ed_mae_frames": frames[:, 0].mean(),
        "es_mae_frames": frames[:, 1].mean(),
        "ed_within_1_percent": within[0],
        "es_within_1_percent": within[1],
        "ef_bias": ef.mean(),
        "ef_rmse": np.sqrt((ef**2).mean()),
    }


def main() -> None:
    """Measure and write RESULTS."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cine-folder", type=Path)
    parser.add_argument("--contour-folder", type=Path)
    arguments = parser.parse_args()
    table = pd.DataFrame([phantom_row(site) for site in SITES])
    if arguments.cine_folder and arguments.contour_folder:
        table = pd.concat([table, pd.DataFrame([sunnybrook_row(arguments.cine_folder, arguments.contour_folder)])])
    elif RESULTS.is_file():
        before = pd.read_csv(RESULTS)
        table = pd.concat([table, before[~before.cohort.isin(table.cohort)]])
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    table.round(3).to_csv(RESULTS, index=False)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
