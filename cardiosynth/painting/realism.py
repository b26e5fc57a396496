"""How near painted images are to real ones, in numbers: distances, telling apart, grey levels, sharpness, diversity, copies.

Features are vectors of frames by a network that the caller names; images are frames (N, H, W) of uint8.
"""

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiosynth.data.volumes import LABELS
from cardiosynth.study.errors import InputError

HALVES = 50  # random ones, for KID's standard error
FOLDS = 5
PENALTY = 0.01  # inverse strength of the classifier's regularisation: there are about as many features as frames
DIVERSITY_FRAMES = 1000
CHUNK = 256  # frames compared at a time


def kid(real: np.ndarray, painted: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Kernel Inception Distance of features (N, D) and (M, D), and its standard error (Bińkowski et al., ICLR 2018, section 4).

    The unbiased squared MMD with the kernel (x·y / D + 1)³ over all samples: it may fall below zero where the two are alike, and
    its expectation does not depend on their number. The standard error is the spread over 50 random halves of both samples (the
    delete-half jackknife, Shao and Wu, Ann Stat 1989): right where they differ, up to √3 too large where they are alike. It takes
    frames for independent; those of one subject are not. Raises InputError with fewer than four samples of either kind.
    """
    if min(len(real), len(painted)) < 4:
        raise InputError(f"{len(real)} real and {len(painted)} painted frames are too few for a distance; give the study more subjects")
    rng = np.random.default_rng(seed)
    kernels = _cubic(real, real), _cubic(painted, painted), _cubic(real, painted)
    halves = []
    for _ in range(HALVES):
        i, j = (rng.permutation(len(x))[: len(x) // 2] for x in (real, painted))
        halves.append(_mmd2(*(kernel[np.ix_(*half)] for kernel, half in zip(kernels, ((i, i), (j, j), (i, j))))))
    return _mmd2(*kernels), float(np.std(halves))


def _mmd2(xx: np.ndarray, yy: np.ndarray, xy: np.ndarray) -> float:
    """Squared MMD from the kernels within and across the samples; no sample is compared with itself."""
    within = [(kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1)) for kernel in (xx, yy)]
    return float(sum(within) - 2 * xy.mean())


def _cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3


def fid(real: np.ndarray, painted: np.ndarray) -> float:
    """Fréchet distance of normal distributions fitted to features (N, D) and (M, D) (Heusel et al., NeurIPS 2017, Eq. 6).

    Biased upwards by an amount that depends on the numbers of samples, and with fewer samples than features the covariances are
    singular: compare it only at equal numbers. Raises InputError with fewer than two samples of either kind.
    """
    if min(len(real), len(painted)) < 2:
        raise InputError(f"{len(real)} real and {len(painted)} painted frames have no covariance; give the study more subjects")
    means = [x.mean(axis=0, dtype=float) for x in (real, painted)]
    # The covariance is R'R, and the trace of the root of their product the nuclear norm of R S': no root of a matrix, which is
    # slow for many features and inexact where the covariances are singular (as in MONAI's FID)
    roots = [np.linalg.qr((x - mean) / np.sqrt(len(x) - 1), mode="r") for x, mean in zip((real, painted), means)]
    spread = sum(np.square(root).sum() for root in roots) - 2 * np.linalg.norm(roots[0] @ roots[1].T, "nuc")
    return float(np.square(means[0] - means[1]).sum() + spread)


def separability(real: np.ndarray, painted: np.ndarray, real_groups, painted_groups, seed: int = 0) -> float:
    """AUC of a logistic regression trained to separate real from painted features, on subjects that it was not trained on.

    groups: the subject of each sample; a subject's real and painted images are never on two sides of a split. 0.5: it cannot.
    Raises InputError with fewer than two subjects of either kind.
    """
    subjects = [len(np.unique(groups)) for groups in (real_groups, painted_groups)]
    if min(subjects) < 2:
        raise InputError(f"{subjects[0]} real and {subjects[1]} painted subjects are too few to tell apart; give the study more subjects")
    features, truth = np.vstack([real, painted]), np.repeat([0, 1], [len(real), len(painted)])
    groups = np.concatenate([real_groups, painted_groups])
    # stratified: where real and painted images are of different subjects, a fold short of one kind biases the AUC downwards
    folds = StratifiedGroupKFold(min(FOLDS, *subjects), shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=2000))
    scores = cross_val_predict(model, features, truth, groups=groups, cv=folds, method="decision_function")
    return float(roc_auc_score(truth, scores))


def intensities(images: np.ndarray, masks: np.ndarray) -> dict[str, np.ndarray]:
    """Grey levels of all pixels of each structure, by its name. images, masks: (N, H, W)."""
    return {name: images[masks == label] for name, label in LABELS.items()}


def intensity_table(real: tuple[np.ndarray, np.ndarray], painted: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
    """Grey levels of each structure; real and painted are (images, masks), both (N, H, W).

    Columns structure, real_mean, real_sd, painted_mean, painted_sd, and wasserstein: the mean shift that would turn one
    distribution into the other, in grey levels. NaN for a structure that one of them lacks.
    """
    levels = {"real": intensities(*real), "painted": intensities(*painted)}
    rows = []
    for name in LABELS:
        row = {"structure": name}
        for kind, of in levels.items():
            present = len(of[name]) > 0
            row |= {f"{kind}_mean": of[name].mean() if present else np.nan, f"{kind}_sd": of[name].std() if present else np.nan}
        counts = [np.bincount(of[name], minlength=256) for of in levels.values()]
        both = all(count.any() for count in counts)
        rows.append(row | {"wasserstein": wasserstein_distance(range(256), range(256), *counts) if both else np.nan})
    return pd.DataFrame(rows)


def spectra(images: np.ndarray) -> np.ndarray:
    """Radial power spectrum of each frame, (N, bins): mean power in rings of spatial frequency from 0 to 0.5 cycles per pixel.

    The mean is removed and a Hann window applied, so that the border is no edge.
    """
    height, width = images.shape[1:]
    window = np.hanning(height)[:, None] * np.hanning(width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    bins = min(height, width) // 2 + 1
    ring = np.rint(radius * 2 * (bins - 1)).astype(int)
    inside = ring < bins  # the corners of the square lie beyond 0.5
    pixels = np.bincount(ring[inside], minlength=bins)
    powers = np.empty((len(images), bins))
    for row, image in zip(powers, images):  # one by one: the complex transform of thousands of frames would fill the memory
        power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2 / image.size
        row[:] = np.bincount(ring[inside], power[inside], bins) / pixels
    return powers


def spectrum(images: np.ndarray) -> np.ndarray:
    """Mean of ``spectra`` over the frames, (bins,)."""
    return spectra(images).mean(axis=0)


def sharpness(images: np.ndarray) -> float:
    """Share of the mean spectrum's power above half the Nyquist frequency, every ring weighed by its radius; NaN for blank images."""
    power = spectrum(images) * np.arange(min(images.shape[1:]) // 2 + 1)
    return float(power[len(power) // 2 + 1 :].sum() / power.sum()) if power.any() else float("nan")


def diversity(features: np.ndarray, groups, seed: int = 0) -> float:
    """Mean distance between features (N, D) of different subjects, of at most 1,000 samples; NaN for a single subject.

    groups: the subject of each.
    """
    chosen = np.random.default_rng(seed).permutation(len(features))[:DIVERSITY_FRAMES]
    features, groups = features[chosen], np.asarray(groups)[chosen]
    apart = groups[:, None] != groups
    return float(cdist(features, features)[apart].mean()) if apart.any() else float("nan")


def nearest_training(images: np.ndarray, training: np.ndarray) -> pd.DataFrame:
    """For each frame (N, H, W) the most similar training frame (M, H, W): columns index and correlation, of pixels.

    A likeness in brightness and contrast does not count, one in place does: a copy that is shifted or turned is not found.
    Raises InputError without frames of either kind or where their sizes differ.
    """
    if not len(images) or not len(training) or images.shape[1:] != training.shape[1:]:
        raise InputError(
            f"frames of shape {images.shape} cannot be compared with training frames of shape {training.shape}; give some of both, of one size"
        )
    index, best = np.zeros(len(images), int), np.full(len(images), -np.inf)
    for first in range(0, len(images), CHUNK):
        some, rows = _standardised(images[first : first + CHUNK]), slice(first, first + CHUNK)
        for start in range(0, len(training), CHUNK):
            correlation = some @ _standardised(training[start : start + CHUNK]).T
            highest = correlation.max(axis=1)
            index[rows] = np.where(highest > best[rows], start + correlation.argmax(axis=1), index[rows])
            best[rows] = np.maximum(highest, best[rows])
    return pd.DataFrame({"index": index, "correlation": best})


def _standardised(images: np.ndarray) -> np.ndarray:
    """Frames as rows of mean 0 and length 1, so that products are correlations; a constant frame stays 0."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def copies(painted: np.ndarray, unseen: np.ndarray, quantile: float = 0.99) -> float:
    """Share of painted frames nearer to a training frame than all but one in a hundred real frames that were never trained on.

    painted, unseen: correlations of ``nearest_training``. One in a hundred is expected of frames that are as new as real ones;
    painted hearts have the shapes of training subjects, which makes them look nearer than they are. Raises InputError without any.
    """
    if not len(painted) or not len(unseen):
        raise InputError(f"copies cannot be counted with {len(painted)} painted and {len(unseen)} unseen frames; give some of both")
    return float(np.mean(painted > np.quantile(unseen, quantile)))
