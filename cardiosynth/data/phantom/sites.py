"""The two sites: who is scanned there, and how.

Site "a" stands in for the paper's Dataset 1, site "b" for its Dataset 2 (paper, Methods, Data). Shares of rare
ejection fractions, slice distances, thickness, pixel sizes and field strengths are the paper's; all else
(volumes, disease, contrast) is chosen here to be plausible and is no measurement of any population.
"""

from dataclasses import dataclass

import numpy as np

from cardiosynth.study.errors import InputError

SPLIT_CODES = {"train": 0, "validation": 1, "test": 2, "extra_test": 3}


@dataclass(frozen=True)
class Site:
    """How a site draws subjects and scans.

    ef_shares, ef_percent: knots of the EF distribution, linear in between. gap_mm: mean, SD, limits of the
    distance between slices, drawn among ``contiguous`` (share, mm) first. pixel_mm: limits and the two shape
    parameters of a beta distribution. strong_field: share of subjects at 3 T.
    """

    code: int
    ef_shares: tuple[float, ...]
    ef_percent: tuple[float, ...]
    thickness_mm: tuple[float, float]
    contiguous: tuple[float, float]
    gap_mm: tuple[float, float, float, float]
    pixel_mm: tuple[float, float, float, float]
    resolution_mm: tuple[float, float]
    strong_field: float
    noise: tuple[float, float]
    coil_strength: tuple[float, float]
    flip_deg: float
    motion: float


SITES = {
    # The knots at 40 and 70 % are the paper's: 6.3 % of subjects below, 10.5 % above.
    "a": Site(
        code=0,
        ef_shares=(0.0, 0.02, 0.063, 0.15, 0.30, 0.50, 0.70, 0.895, 0.97, 1.0),
        ef_percent=(11.0, 27.0, 40.0, 50.0, 55.5, 60.0, 64.0, 70.0, 74.5, 82.0),
        thickness_mm=(8.0, 10.0),
        contiguous=(0.0, 0.0),
        gap_mm=(9.8, 0.6, 8.4, 11.2),
        pixel_mm=(0.61, 1.95, 4.0, 2.8),
        resolution_mm=(1.5, 2.1),
        strong_field=0.3,
        noise=(0.02, 0.05),
        coil_strength=(0.5, 1.6),
        flip_deg=60.0,
        motion=0.03,
    ),
    # Half the stacks without gaps, half with 1.76 mm: 8.89 mm apart on average with an SD of 0.88 mm, as printed.
    "b": Site(
        code=1,
        ef_shares=(0.0, 0.03, 0.10, 0.50, 0.90, 0.97, 1.0),
        ef_percent=(34.0, 46.0, 51.0, 57.5, 64.0, 67.5, 73.0),
        thickness_mm=(8.0, 8.0),
        contiguous=(0.494, 8.0),
        gap_mm=(9.76, 0.1, 9.5, 10.0),
        pixel_mm=(1.8, 2.1, 1.0, 1.0),
        resolution_mm=(1.8, 2.4),
        strong_field=0.0,
        noise=(0.04, 0.08),
        coil_strength=(0.2, 0.7),
        flip_deg=72.0,
        motion=0.0,
    ),
}

# Share of each disease by EF (upper limit, then normal, dilated, hypertrophic, infarcted).
DISEASES = ("normal", "dilated", "hypertrophic", "infarcted")
_DISEASE_BY_EF = (
    (40.0, (0.00, 0.55, 0.00, 0.45)),
    (50.0, (0.45, 0.15, 0.00, 0.40)),
    (70.0, (0.90, 0.00, 0.08, 0.02)),
    (101.0, (0.45, 0.00, 0.55, 0.00)),
)
# EDV in ml: mean and SD on the log scale's back-transform, and limits.
_EDV_ML = {
    "normal": (140.0, 0.20, 75.0, 225.0),
    "dilated": (245.0, 0.18, 160.0, 350.0),
    "hypertrophic": (122.0, 0.22, 60.0, 190.0),
    "infarcted": (175.0, 0.20, 105.0, 290.0),
}


@dataclass(frozen=True)
class Patient:
    """What is fixed about a subject before anything is rendered; volumes are exact ones, ef in percent."""

    site: str
    split: str
    index: int
    seed: int
    ef: float
    edv_ml: float
    disease: str
    field_t: float
    thickness_mm: float
    slice_gap_mm: float
    pixel_mm: float
    motion: bool

    @property
    def esv_ml(self) -> float:
        return self.edv_ml * (1.0 - self.ef / 100.0)

    def rng(self, *purpose: int) -> np.random.Generator:
        """A stream of its own for every purpose, whatever else is drawn."""
        return np.random.default_rng([self.seed, SITES[self.site].code, SPLIT_CODES[self.split], self.index, *purpose])


def ejection_fractions(site: str, split: str, count: int, seed: int) -> np.ndarray:
    """EF (percent) of the subjects of a split, by index.

    Stratified: one subject from the middle of each of ``count`` equal shares of the site's distribution, in
    random order, so that a small split too has its rare EF in proportion. Raises InputError for a name or a
    count that is not one.
    """
    where = _site(site)
    if split not in SPLIT_CODES:
        raise InputError(f"split {split!r}; expected one of {', '.join(SPLIT_CODES)}")
    if count < 1:
        raise InputError(f"{count} subjects in split {split}; expected at least 1")
    rng = np.random.default_rng([seed, where.code, SPLIT_CODES[split], 1_000_003])
    shares = (np.arange(count) + 0.5 + rng.uniform(-0.1, 0.1, count)) / count
    return rng.permutation(np.interp(shares, where.ef_shares, where.ef_percent))


def _marked_for_motion(where: Site, split: str, count: int, seed: int) -> set[int]:
    """Which subjects of a split moved: the site's share of them, rounded."""
    rng = np.random.default_rng([seed, where.code, SPLIT_CODES[split], 1_000_033])
    return set(rng.permutation(count)[: round(where.motion * count)].tolist())


def patient(site: str, split: str, index: int, count: int, seed: int) -> Patient:
    """Draw subject ``index`` of ``count``: nothing is rendered. Raises InputError for bad names and numbers."""
    fractions = ejection_fractions(site, split, count, seed)
    if not 0 <= index < count:
        raise InputError(f"subject {index} of phantom site {site}, {split}; expected 0 to {count - 1}")
    where, ef = SITES[site], float(fractions[index])
    rng = np.random.default_rng([seed, where.code, SPLIT_CODES[split], index, 0])
    disease = _disease(ef, rng)
    gap_mm = _gap_mm(where, rng)
    return Patient(
        site=site,
        split=split,
        index=index,
        seed=seed,
        ef=ef,
        edv_ml=_edv_ml(disease, ef, rng),
        disease=disease,
        field_t=3.0 if rng.random() < where.strong_field else 1.5,
        thickness_mm=min(float(rng.uniform(*where.thickness_mm)), gap_mm),
        slice_gap_mm=gap_mm,
        pixel_mm=_pixel_mm(where, rng),
        motion=index in _marked_for_motion(where, split, count, seed),
    )


def _site(site: str) -> Site:
    if site not in SITES:
        raise InputError(f"phantom site {site!r}; expected one of {', '.join(SITES)}")
    return SITES[site]


def _disease(ef: float, rng: np.random.Generator) -> str:
    shares = next(shares for limit, shares in _DISEASE_BY_EF if ef < limit)
    return str(rng.choice(DISEASES, p=shares))


def _edv_ml(disease: str, ef: float, rng: np.random.Generator) -> float:
    """Log-normal by disease; a ventricle that ejects little is larger."""
    median, spread, low, high = _EDV_ML[disease]
    failing = 1.0 + 0.008 * max(35.0 - ef, 0.0)
    return float(np.clip(median * failing * np.exp(spread * rng.standard_normal()), low, high))


def _gap_mm(site: Site, rng: np.random.Generator) -> float:
    share, contiguous_mm = site.contiguous
    mean, spread, low, high = site.gap_mm
    drawn = float(np.clip(rng.normal(mean, spread), low, high))
    return contiguous_mm if rng.random() < share else drawn


def _pixel_mm(site: Site, rng: np.random.Generator) -> float:
    low, high, first, second = site.pixel_mm
    return float(low + (high - low) * rng.beta(first, second))
