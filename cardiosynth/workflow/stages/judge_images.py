"""The stage that judges painted images in numbers, and draws the blind test.

Validation subjects alone: their masks painted anew stand beside their own images, so that nothing but the painting differs.
The test subjects are not looked at.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.frames import frames
from cardiosynth.networks import unet
from cardiosynth.painting import consistency, painter, realism
from cardiosynth.painting.judge import pooled
from cardiosynth.study.files import whole
from cardiosynth.study.provenance import device, stage
from cardiosynth.study.study_file import Study

TRAINING_FRAMES = 2000  # stand for the training images in distances


def judge_images(study: Study, results: Path) -> None:
    """realism/: image_quality.csv, intensities.csv, spectrum.csv, nearest.csv; blind.png with blind.csv, its key.

    image_quality.csv has the columns quantity, real (of real images, or of the training images against validation) and painted.
    """
    cohort, painted = Cohort.open(results / "cohorts" / study.datasets.a), Cohort.open(results / "synthetic" / "images")
    with stage(results / "realism", "realism", study.subset("realism", "seed"), __name__) as folder:
        validation = cohort.split("validation")
        stacks = [_stack(validation, name) for name in validation.table.index]
        studio = painter.Studio(painter.load_painter(results / "generator", device()), study.seed, device())
        repainted = [(studio.paint(str(name), masks), masks, mm) for name, (_, masks, mm) in zip(validation.table.index, stacks)]
        reader = unet.load_segmentation(results / "reader", device())
        seen = _some(frames(cohort.split("train"))[0], TRAINING_FRAMES, study.seed)
        rows = _distances(lambda images: pooled(reader, images, device()), seen, stacks, repainted, study.seed) + _changes(stacks, repainted)
        pd.DataFrame(rows, columns=["quantity", "real", "painted"]).round(6).to_csv(folder / "image_quality.csv", index=False)
        real, made = (_flat(hearts) for hearts in (stacks, repainted))
        realism.intensity_table(real, made).round(4).to_csv(folder / "intensities.csv", index=False)
        frequency = np.linspace(0, 0.5, len(realism.spectrum(real[0])))  # cycles per pixel
        spectra = {"frequency": frequency, "real": realism.spectrum(real[0]), "painted": realism.spectrum(made[0])}
        pd.DataFrame(spectra).to_csv(folder / "spectrum.csv", index=False)
        _nearest(study, cohort, painted, real[0]).round(5).to_csv(folder / "nearest.csv", index=False)
        _blind_test(folder, study, cohort, painted)


def _stack(cohort: Cohort, name) -> tuple[np.ndarray, np.ndarray, float]:
    """Images and masks (slices, 2, H, W) of a subject and the spacing in mm."""
    rows = cohort.rows(name)
    return np.asarray(cohort.images()[rows]), np.asarray(cohort.masks()[rows]), float(cohort.table.at[name, "spacing_mm"])


def _flat(hearts) -> tuple[np.ndarray, np.ndarray]:
    """All frames of stacks and their masks, (N, H, W) each."""
    return tuple(np.concatenate([heart[part].reshape(-1, *heart[part].shape[2:]) for heart in hearts]) for part in (0, 1))


def _some(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    return images if len(images) <= count else images[np.random.default_rng(seed).choice(len(images), count, replace=False)]


def _distances(features: Callable[[np.ndarray], np.ndarray], seen: np.ndarray, stacks, repainted, seed: int) -> list[tuple]:
    """KID and FID by features of frames (N, H, W), the AUC of telling apart, sharpness and diversity."""
    (real, _), (painted, _) = _flat(stacks), _flat(repainted)
    owners = np.repeat(np.arange(len(stacks)), [2 * len(images) for images, _, _ in stacks])
    of_real, of_painted, of_training = features(real), features(painted), features(seen)
    (kid, error), (painted_kid, painted_error) = realism.kid(of_real, of_training), realism.kid(of_real, of_painted)
    with_spectra = [np.hstack([of, np.log(realism.spectra(images) + 1e-6)]) for of, images in ((of_real, real), (of_painted, painted))]
    return [
        ("kid", kid, painted_kid),
        ("kid_se", error, painted_error),
        ("fid", realism.fid(of_real, of_training), realism.fid(of_real, of_painted)),
        ("auc_real_or_painted", 0.5, realism.separability(*with_spectra, owners, owners, seed)),
        ("sharpness", realism.sharpness(real), realism.sharpness(painted)),
        ("diversity", realism.diversity(of_real, owners), realism.diversity(of_painted, owners)),
    ]


def _changes(stacks, repainted) -> list[tuple]:
    """How much the background changes between ED and ES and between neighbouring slices, mean over subjects, and the ratios."""
    real, made = (consistency.changes((images, masks, (mm, mm)) for images, masks, mm in hearts) for hearts in (stacks, repainted))
    ratios = consistency.relative(made, real)
    return [row for name in real for row in ((name, real[name].mean(), made[name].mean()), (f"{name}_ratio", 1.0, ratios[name]))]


def _nearest(study: Study, cohort: Cohort, painted: Cohort, unseen: np.ndarray) -> pd.DataFrame:
    """The training frame most like each of some painted ones, and how like: correlation of pixels.

    Columns kind (``painted``, or ``real`` for validation frames, which no network can have learnt by heart), frame and training
    (numbers of frames, in the order of the cohorts) and correlation.
    """
    train = frames(cohort.split("train"))[0]
    names = painted.split("train").table.sample(min(study.realism.painted_subjects, len(painted.split("train"))), random_state=study.seed).index
    rows = np.concatenate([np.r_[painted.rows(name)] for name in names])
    made = painted.images()[rows].reshape(-1, *train.shape[1:])
    places = (rows[:, None] * 2 + [0, 1]).ravel()
    tables = []
    for kind, images, numbers in (("painted", made, places), ("real", unseen, np.arange(len(unseen)))):
        table = realism.nearest_training(images, train)
        tables.append(pd.DataFrame({"kind": kind, "frame": numbers, "training": table["index"], "correlation": table["correlation"]}))
    return pd.concat(tables)


def _blind_test(folder: Path, study: Study, cohort: Cohort, painted: Cohort) -> None:
    """Real and painted frames of validation subjects in random order, in one strip of tiles, and the key."""
    rng = np.random.default_rng([study.seed, 15])
    tiles = []
    for kind, of in (("real", cohort.split("validation")), ("painted", painted.split("validation"))):
        rows = np.concatenate([np.r_[of.rows(name)] for name in of.table.index])
        chosen = rng.choice(rows, min(study.realism.blind, len(rows)), replace=False)
        tiles += [(kind, of.images()[row, phase], ("ED", "ES")[phase]) for row, phase in zip(chosen, rng.integers(2, size=len(chosen)))]
    tiles = [tiles[index] for index in rng.permutation(len(tiles))]
    with whole(folder / "blind.png") as partial:
        Image.fromarray(np.hstack([image for _, image, _ in tiles])).save(partial, format="PNG")
    key = pd.DataFrame({"tile": range(1, len(tiles) + 1), "kind": [t[0] for t in tiles], "phase": [t[2] for t in tiles]})
    key.to_csv(folder / "blind.csv", index=False)
