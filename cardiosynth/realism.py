"""How near painted images are to real ones, in numbers: distances, telling apart, grey levels, sharpness, diversity, copies.

Features are vectors of frames by a network that the caller names; images are frames (N, H, W) of uint8.
"""

import numpy as np
import pandas as pd
import torch
from monai.metrics.fid import get_fid_score
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiosynth.errors import InputError
from cardiosynth.volumes import LABELS

SUBSETS, SUBSET = 50, 100  # of KID's standard error
FOLDS = 5
PENALTY = 0.01  # inverse strength of the classifier's regularisation: there are about as many features as frames
DIVERSITY_FRAMES = 1000
CHUNK = 256


def kid(real: np.ndarray, painted: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Kernel Inception Distance of features (N, D) and (M, D), and its standard error (Bińkowski et al., ICLR 2018).

    The unbiased squared MMD with the kernel (x·y / D + 1)³ over all samples: it may fall below zero where the two are alike, and
    does not depend on their number. The standard error is that of the mean over 50 random halves of each sample.
    Raises InputError with fewer than four samples of either kind.
    """
    if min(len(real), len(painted)) < 4:
        raise InputError(f"{len(real)} real and {len(painted)} painted frames are too few for a distance; give the study more subjects")
    rng = np.random.default_rng(seed)
    halves = [_mmd2(*(x[rng.permutation(len(x))[: len(x) // 2]] for x in (real, painted))) for _ in range(SUBSETS)]
    return _mmd2(real, painted), float(np.std(halves) / np.sqrt(2))  # half the samples have twice the variance


def _mmd2(x: np.ndarray, y: np.ndarray) -> float:
    within = [(kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1)) for kernel in (_cubic(x, x), _cubic(y, y))]
    return float(sum(within) - 2 * _cubic(x, y).mean())


def _cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3


def fid(real: np.ndarray, painted: np.ndarray) -> float:
    """Fréchet distance of normal distributions fitted to features (N, D) and (M, D) (Heusel et al., NeurIPS 2017; MONAI).

    Biased upwards by an amount that depends on the numbers of samples, and with fewer samples than features the covariances are
    singular: compare it only at equal numbers.
    """
    value = get_fid_score(torch.as_tensor(painted, dtype=torch.float64), torch.as_tensor(real, dtype=torch.float64))
    return float(np.real(value.item()))


def separability(real: np.ndarray, painted: np.ndarray, real_groups, painted_groups, seed: int = 0) -> float:
    """AUC of a logistic regression told to separate real from painted features, on subjects that it was not trained on.

    groups: the subject of each sample; a subject's real and painted images are never on two sides of a split. 0.5: it cannot.
    """
    features, truth = np.vstack([real, painted]), np.repeat([0, 1], [len(real), len(painted)])
    groups = np.concatenate([real_groups, painted_groups])
    folds = GroupKFold(min(FOLDS, len(np.unique(groups))), shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=2000))
    scores = cross_val_predict(model, features, truth, groups=groups, cv=folds, method="decision_function")
    return float(roc_auc_score(truth, scores))


def intensity_table(real: tuple[np.ndarray, np.ndarray], painted: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
    """Grey levels of each structure; real and painted are (images, masks), both (N, H, W).

    Columns structure, real_mean, real_sd, painted_mean, painted_sd, and wasserstein: the mean shift that would turn one
    distribution into the other, in grey levels. NaN for a structure that one of them lacks.
    """
    rows = []
    for name, label in LABELS.items():
        levels = {kind: images[masks == label] for kind, (images, masks) in (("real", real), ("painted", painted))}
        row = {"structure": name}
        for kind, values in levels.items():
            row |= {f"{kind}_mean": values.mean() if len(values) else np.nan, f"{kind}_sd": values.std() if len(values) else np.nan}
        counts = [np.bincount(values, minlength=256) for values in levels.values()]
        both = all(count.any() for count in counts)
        rows.append(row | {"wasserstein": wasserstein_distance(range(256), range(256), *counts) if both else np.nan})
    return pd.DataFrame(rows)


def spectra(images: np.ndarray) -> np.ndarray:
    """Radial power spectrum of each frame, (N, bins): mean power in rings of spatial frequency from 0 to 0.5 cycles per pixel.

    The mean is removed and a Hann window applied, so that the border is no edge.
    """
    height, width = images.shape[1:]
    window = np.hanning(height)[:, None] * np.hanning(width)
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.fft2(centred * window)) ** 2 / images[0].size
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    bins = min(height, width) // 2 + 1
    ring = np.rint(radius * 2 * (bins - 1)).astype(int).ravel()
    inside = ring < bins
    totals = np.stack([np.bincount(ring[inside], one.ravel()[inside], bins) for one in power])
    return totals / np.bincount(ring[inside], minlength=bins)


def spectrum(images: np.ndarray) -> np.ndarray:
    """Mean of ``spectra`` over the frames, (bins,)."""
    return spectra(images).mean(axis=0)


def sharpness(images: np.ndarray) -> float:
    """Share of the mean spectrum's power above half the Nyquist frequency, every ring weighed by its number of pixels."""
    power = spectrum(images) * np.arange(min(images.shape[1:]) // 2 + 1)
    return float(power[len(power) // 2 + 1 :].sum() / power.sum())


def diversity(features: np.ndarray, groups, seed: int = 0) -> float:
    """Mean distance between features (N, D) of different subjects, of at most 1,000 samples. groups: the subject of each."""
    chosen = np.random.default_rng(seed).permutation(len(features))[:DIVERSITY_FRAMES]
    features, groups = features[chosen], np.asarray(groups)[chosen]
    return float(cdist(features, features)[groups[:, None] != groups].mean())


def nearest_training(images: np.ndarray, training: np.ndarray) -> pd.DataFrame:
    """For each frame (N, H, W) the most similar training frame (M, H, W): columns index and correlation, of pixels.

    A likeness in brightness and contrast does not count, one in place does.
    """
    known = _standardised(training)
    found = []
    for first in range(0, len(images), CHUNK):
        correlation = _standardised(images[first : first + CHUNK]) @ known.T
        best = correlation.argmax(axis=1)
        found.append(pd.DataFrame({"index": best, "correlation": correlation[np.arange(len(best)), best].astype(float)}))
    return pd.concat(found, ignore_index=True)


def _standardised(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def copies(painted: np.ndarray, unseen: np.ndarray, quantile: float = 0.99) -> float:
    """Share of painted frames nearer to a training frame than all but one in a hundred real frames that were never trained on.

    painted, unseen: correlations of ``nearest_training``. One in a hundred is expected of frames that are as new as real ones;
    painted hearts have the shapes of training subjects, which makes them look nearer than they are.
    """
    return float(np.mean(painted > np.quantile(unseen, quantile)))
