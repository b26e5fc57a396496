"""The sections of a study file: what each stage can vary, with its unit, its default and the paper's value.

Unknown keys and bad values are refused; ``study`` puts the sections together and says which file was wrong.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Outlined = Literal["phantom-a", "phantom-b", "acdc", "mnms", "ukbb", "kaggle-png", "sunnybrook"]
Dataset = Literal[Outlined, "kaggle"]
Variant = Literal["plain", "conserved", "shortened", "hypertrophic", "dilated", "infarcted"]


class Section(BaseModel):
    """Strict base: no unknown keys, no silent conversions, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Datasets(Section):
    """Dataset 1 of the paper (``a``: masks, generator, synthesis) and Dataset 2 (``b``: volumes alone).

    ``a`` needs masks. split: CSV with the columns id and split for datasets of patients (and dataset, where
    there are two), or a folder that holds <dataset>.csv for each, counted from the repository's root; null for the
    split of the publishers. truth: the volumes that are ``published`` or, where a layout has both, those of its ``masks``.
    """

    a: Outlined
    b: Dataset | None = None
    split: str | None = None
    truth: Literal["published", "masks"] = "published"


class Phantom(Section):
    """Subjects drawn per split at each site of the embedded cohort."""

    train: Count = 80
    validation: Count = 24
    test: Count = 80


class Grid(Section):
    """The grid that every image is brought to (paper: 150 pixels over 150 mm, 3 % and 97 % quantiles).

    centre: of the crop, the image's (paper) or the heart's, found from the images. slices: those between base
    and apex as ``annotated`` in the masks (paper), or ``found`` from the images; without masks always found.
    """

    size_px: Annotated[int, Field(ge=32, le=512)] = 150
    extent_mm: Positive = 150.0
    low_quantile: Fraction = 0.03
    high_quantile: Fraction = 0.97
    minimum_slices: Count = 5
    centre: Literal["image", "heart"] = "image"
    slices: Literal["annotated", "found"] = "annotated"

    @property
    def spacing_mm(self) -> float:
        return self.extent_mm / self.size_px


class Masks(Section):
    """Mask synthesis (paper, Methods; the readings of its counts are discussed in the book).

    interpolations: masks between ED and ES (paper F = 11); alpha_interval: ``inside`` (1..F of F + 1 steps),
    ``open`` (1..F-1 of F) or ``closed`` (0..F of F). scales: values of gamma (paper 13), evenly spaced on a
    gamma_interval that is ``half-open`` (as printed), ``open`` or ``closed``. scaling: ``paired`` (i-th ED with i-th
    ES) or ``separate`` (each with the other frame original). gamma_acts_on: ``area`` (lengths by its root) or
    ``length``. variants: what each recipe is made as, beyond the paper's ``plain`` (``variants``).
    synthetic_gap_mm: ``source`` or mm. target: EF distribution of the chosen subjects; target_mean_sd for
    ``normal``, target_bins (lower EF, upper EF, weight) for ``bins``; spread_edv: as many of each EDV within an EF.
    train_subjects, validation_subjects: how many to choose at most, null for all candidates.
    """

    interpolations: Count = 11
    alpha_interval: Literal["inside", "open", "closed"] = "inside"
    scales: Count = 13
    gamma_interval: Literal["half-open", "open", "closed"] = "half-open"
    es_scale: tuple[Positive, Positive] = (0.7, 1.0)
    ed_scale: tuple[Positive, Positive] = (1.0, 1.2)
    scaling: Literal["paired", "separate"] = "paired"
    gamma_acts_on: Literal["area", "length"] = "area"
    variants: Annotated[list[Variant], Field(min_length=1)] = ["plain"]
    include_original: bool = True
    minimum_ef: Positive = 10.0
    maximum_ef: Positive = 80.0
    synthetic_gap_mm: Literal["source"] | Positive = "source"
    target: Literal["uniform", "all", "normal", "matched", "bins"] = "uniform"
    target_mean_sd: tuple[Positive, Positive] = (45.0, 15.0)
    target_bins: list[tuple[float, float, Positive]] = []
    spread_edv: bool = False
    train_subjects: Count | None = None
    validation_subjects: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _pairs(cls, values):
        if isinstance(values, dict):  # YAML has lists; the strict model wants tuples
            values = {k: _as_pairs(v) if isinstance(v, list) and k != "variants" else v for k, v in values.items()}
        return values


def _as_pairs(values: list):
    """[1, 2] to (1, 2), and the rows of a list of lists to tuples."""
    return tuple(values) if values and not isinstance(values[0], (list, tuple)) else [tuple(row) for row in values]


class GeneratorSettings(Section):
    """SPADE generator and its adversary (Park et al., CVPR 2019; paper, Methods).

    frames: ED and ES of a slice ``joint`` or each alone (``single``, paper); mix_pairs: half of the joint ones turned round.
    style: ``none`` (paper) or a ``latent`` vector, one for all slices of a ``subject`` or one a ``slice`` (style_of).
    noise: added to painted images, as much as they are ``measured`` to lack, or ``none`` (paper). averaging: decay a step of
    the weights that paint. label_weight: of the U-Net's reading. discriminator_augment, lecam_weight: against learning few
    subjects by heart. checkpoints: how often validation subjects judge. perceptual_weights: VGG19's file, or null.
    """

    frames: Literal["joint", "single"] = "joint"
    mix_pairs: bool = False
    style: Literal["none", "latent"] = "none"
    style_of: Literal["subject", "slice"] = "subject"
    style_channels: Count = 256
    noise: Literal["measured", "none"] = "measured"
    base_channels: Count = 64
    shared_channels: Count = 128
    discriminator_channels: Count = 64
    steps: Count = 20000
    batch: Count = 16
    generator_rate: Positive = 1e-4
    discriminator_rate: Positive = 4e-4
    feature_weight: NotNegative = 10.0
    perceptual_weight: NotNegative = 10.0
    label_weight: NotNegative = 1.0
    kl_weight: NotNegative = 0.05
    lecam_weight: NotNegative = 0.0
    discriminator_augment: bool = False
    averaging: Fraction = 0.995
    checkpoints: Count = 8
    perceptual_weights: str | None = None

    @property
    def phases(self) -> int:
        """Frames painted at once."""
        return 2 if self.frames == "joint" else 1


class UNetSettings(Section):
    """U-Net used as the comparator, as the feature network of the perceptual loss and as the reader of painted images."""

    channels: Count = 16
    epochs: Count = 40
    batch: Count = 32
    rate: Positive = 2e-3


class SferaSettings(Section):
    """SFERA network (paper, Fig. 7) and its training.

    base_channels: of the first of five blocks, doubling (paper 32). features: per slice (paper 128).
    hidden: LSTM width per direction. readout: what the volumes are read from, the ``sum`` or ``mean``
    of the LSTM's outputs over slices, or its ``last`` states. augmentation: of the subjects trained on,
    ``none``, ``flips`` (and transposition) or ``full`` (shifts and changes of contrast too). ridge: fitted on the
    ``own`` subjects of a training (RSP: real ones), on ``all`` that the network has learnt from (RSP: synthetic
    ones too), or ``none``, where the linear head stays. epochs count passes over the cohort trained on; batch
    counts subjects. The paper prints base_channels and features alone; ``evidence/choices.py`` compares others.
    """

    base_channels: Count = 32
    convolutions: Count = 2
    features: Count = 128
    hidden: Count = 64
    readout: Literal["sum", "mean", "last"] = "sum"
    augmentation: Literal["none", "flips", "full"] = "full"
    ridge: Literal["own", "all", "none"] = "own"
    batch: Count = 8
    rate: Positive = 2e-3
    fine_tuning_rate: Positive = 5e-4
    real_epochs: Count = 100
    synthetic_epochs: Count = 20
    fine_tuning_epochs: Count = 50


class Questions(Section):
    """Questions that the paper did not ask; none by default. Each is trained with every one of the study's seeds.

    reduced: RSO with so many real subjects of EF below 40 % in training. subjects: RSO and RSP with so many real training
    subjects. zoom: RSO with zooms that change volumes. longer: RSO with as many updates as SSO and RSP together.
    phantom: synthetic masks painted by the phantom's formulas. outlines: synthesis from the U-Net's masks of Dataset 2.
    synthetic: SSO also reads painted hearts, of every second validation subject, which then choose neither its epoch nor its ridge's noise.
    """

    reduced: list[Annotated[int, Field(ge=0)]] = []
    subjects: list[Count] = []
    zoom: bool = False
    longer: bool = False
    phantom: bool = False
    outlines: bool = False
    synthetic: bool = False


class Realism(Section):
    """painted_subjects searched for copies, ``blind`` images of a kind in the blind test."""

    painted_subjects: Count = 60
    blind: Count = 12


class Statistics(Section):
    """Bootstrap draws over patients and the confidence level of every interval."""

    bootstrap_draws: Count = 2000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
