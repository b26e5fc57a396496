"""The sections of a study file: every key with its type, its default, what it is, its unit and the paper's value.

Unknown keys and bad values are refused; ``study_file`` puts the sections together and says which file was wrong. The book's
table of all keys is printed from the descriptions here.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Pair = Annotated[tuple[Positive, Positive], Strict(False)]  # YAML has lists
Bin = Annotated[tuple[float, float, Positive], Strict(False)]
Outlined = Literal["phantom-a", "phantom-b", "acdc", "mnms", "ukbb", "kaggle-png", "sunnybrook"]
Dataset = Literal[Outlined, "kaggle"]
Variant = Literal["plain", "conserved", "shortened", "hypertrophic", "dilated", "infarcted"]


class Section(BaseModel):
    """Strict base: no unknown keys, no silent conversions, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Datasets(Section):
    """Dataset 1 of the paper (masks, generator, synthesis) and Dataset 2 (volumes alone)."""

    a: Outlined = Field(description="Dataset 1; needs masks")
    b: Dataset | None = Field(None, description="Dataset 2; null where there is one dataset")
    split: str | None = Field(
        None,
        description="from the repository's root: CSV with columns id and split (and dataset, where there are two), or a folder with one "
        "named after each dataset; null: as published",
    )
    truth: Literal["published", "masks"] = Field("published", description="the volumes, where a layout has both: published, or those of its masks")


class Phantom(Section):
    """Subjects drawn per split at each site of the embedded cohort."""

    train: Count = Field(80, description="training subjects")
    validation: Count = Field(24, description="validation subjects")
    test: Count = Field(80, description="test subjects")


class Grid(Section):
    """The grid that every image is brought to."""

    size_px: int = Field(150, ge=32, le=512, description="side of an image in pixels (paper: 150)")
    extent_mm: Positive = Field(150.0, description="side of an image in mm (paper: 150)")
    low_quantile: Fraction = Field(0.03, description="quantile of the intensities that becomes black (paper: 0.03)")
    high_quantile: Fraction = Field(0.97, description="quantile of the intensities that becomes white (paper: 0.97)")
    minimum_slices: Count = Field(5, description="consecutive slices that a subject must have")
    centre: Literal["image", "heart"] = Field("image", description="of the crop: the image's (paper), or the heart's, found from the images")
    slices: Literal["annotated", "found"] = Field(
        "annotated", description="those between base and apex: as the masks say (paper), or found from the images, as always without masks"
    )

    @property
    def spacing_mm(self) -> float:
        return self.extent_mm / self.size_px


class Masks(Section):
    """Mask synthesis (paper, Methods; the readings of its counts are discussed in the book)."""

    interpolations: Count = Field(11, description="F, masks between ED and ES (paper: 11)")
    alpha_interval: Literal["inside", "open", "closed"] = Field(
        "inside", description="of alpha: inside (1 to F of F + 1 steps), open (1 to F - 1 of F) or closed (0 to F of F)"
    )
    scales: Count = Field(13, description="values of gamma, evenly spaced (paper: 13)")
    gamma_interval: Literal["half-open", "open", "closed"] = Field("half-open", description="of gamma: half-open as printed in the paper")
    es_scale: Pair = Field((0.7, 1.0), description="interval of gamma at ES (paper: 0.7 to 1)")
    ed_scale: Pair = Field((1.0, 1.2), description="interval of gamma at ED (paper: 1 to 1.2)")
    scaling: Literal["paired", "separate"] = Field(
        "paired", description="paired (i-th ED with i-th ES) or separate (each with the other frame original)"
    )
    gamma_acts_on: Literal["area", "length"] = Field("area", description="what gamma multiplies: areas (lengths by its root), or lengths")
    sizes: list[Positive] = Field(
        [1.0], min_length=1, description="factors of gamma at ED and ES alike: each recipe is made at each size, in plane (paper: 1)"
    )
    variants: list[Variant] = Field(["plain"], min_length=1, description="what each recipe is made as; all but plain go beyond the paper")
    include_original: bool = Field(True, description="whether the original pair is a candidate")
    minimum_ef: Positive = Field(10.0, description="lowest EF of a candidate, in percent")
    maximum_ef: Positive = Field(80.0, description="highest EF of a candidate, in percent")
    synthetic_gap_mm: Literal["source"] | Positive = Field(
        "source", description="distance between synthetic slices: the source subject's, or mm (paper: 8)"
    )
    target: Literal["uniform", "all", "normal", "matched", "bins"] = Field(
        "uniform", description="EFs of the chosen subjects: uniform, all (as the candidates), normal, matched (to real subjects) or bins"
    )
    target_mean_sd: Pair = Field((45.0, 15.0), description="mean and SD of the EF for the normal target, in percent")
    target_bins: list[Bin] = Field([], description="lower EF and upper EF in percent, and weight, of each of the bins")
    spread_edv: bool = Field(False, description="as many of each EDV within an EF")
    train_subjects: Count | None = Field(None, description="how many to choose at most for training; null: all candidates")
    validation_subjects: Count | None = Field(None, description="how many to choose at most for validation; null: all candidates")


class GeneratorSettings(Section):
    """SPADE generator and its adversary (Park et al., CVPR 2019; paper, Methods)."""

    frames: Literal["joint", "single"] = Field("joint", description="ED and ES of a slice painted at once, or each alone (paper: single)")
    mix_pairs: bool = Field(False, description="half of the joint pairs learnt from are turned round, ES as ED")
    style: Literal["none", "latent"] = Field("none", description="a latent vector that images are painted from, or none (paper)")
    style_of: Literal["subject", "slice"] = Field("subject", description="one latent style for all slices of a subject, or one a slice")
    style_channels: Count = Field(256, description="numbers in a latent style")
    noise: Literal["measured", "none"] = Field(
        "measured", description="added to painted images: as much as they are measured to lack, or none (paper)"
    )
    base_channels: Count = Field(64, description="channels of the generator's last block; those before have up to 16 times as many")
    shared_channels: Count = Field(128, description="channels between a mask and its scales and shifts in a SPADE layer")
    discriminator_channels: Count = Field(64, description="channels of the discriminator's first layer")
    steps: Count = Field(20000, description="updates of the generator and of the discriminator")
    batch: Count = Field(16, description="slices an update, or frames where these are single")
    generator_rate: Positive = Field(1e-4, description="learning rate of the generator")
    discriminator_rate: Positive = Field(4e-4, description="learning rate of the discriminator")
    feature_weight: NotNegative = Field(10.0, description="weight of the feature-matching loss")
    perceptual_weight: NotNegative = Field(10.0, description="weight of the perceptual loss")
    label_weight: NotNegative = Field(1.0, description="weight of the loss by the U-Net's reading of painted images (paper: 0)")
    kl_weight: NotNegative = Field(0.05, description="weight of the KL divergence of latent styles")
    lecam_weight: NotNegative = Field(0.0, description="weight of LeCam's term, against learning few subjects by heart")
    discriminator_augment: bool = Field(False, description="the discriminator sees moved images of changed contrast, to the same end")
    averaging: Fraction = Field(0.995, description="decay a step of the moving average of the weights that paint")
    checkpoints: Count = Field(8, description="how often validation subjects judge")
    perceptual_weights: str | None = Field(None, description="file of VGG19's weights for the perceptual loss; null: the study's own U-Net")

    @property
    def phases(self) -> int:
        """Frames painted at once."""
        return 2 if self.frames == "joint" else 1


class UNetSettings(Section):
    """U-Net used as the comparator, as the feature network of the perceptual loss and as the reader of painted images."""

    channels: Count = Field(16, description="channels of the first level")
    epochs: Count = Field(40, description="passes over the training slices")
    batch: Count = Field(32, description="images an update")
    rate: Positive = Field(2e-3, description="peak learning rate")


class SferaSettings(Section):
    """SFERA network (paper, Fig. 7) and its training. ``evidence/choices.py`` compares what the paper does not print."""

    base_channels: Count = Field(32, description="channels of the first of five blocks, doubling (paper: 32)")
    convolutions: Count = Field(2, description="convolutions in a block")
    features: Count = Field(128, description="features of a slice (paper: 128)")
    hidden: Count = Field(64, description="width of the LSTM in each direction")
    readout: Literal["sum", "mean", "last"] = Field(
        "sum", description="what volumes are read from: sum or mean of the LSTM's outputs over slices, or its last states"
    )
    augmentation: Literal["none", "flips", "full"] = Field(
        "full", description="of the subjects trained on: none, flips (and transposition) or full (shifts and changes of contrast too)"
    )
    ridge: Literal["own", "all", "none"] = Field(
        "own",
        description="fitted on a training's own subjects (RSP: real ones), on all that its network has learnt from (RSP: synthetic ones too), "
        "or none: the linear head stays",
    )
    batch: Count = Field(8, description="subjects an update")
    rate: Positive = Field(2e-3, description="peak learning rate")
    fine_tuning_rate: Positive = Field(5e-4, description="peak learning rate of trainings that start from another")
    real_epochs: Count = Field(100, description="passes over real subjects, from random weights")
    synthetic_epochs: Count = Field(20, description="passes over synthetic subjects")
    fine_tuning_epochs: Count = Field(50, description="passes over real subjects, from the weights of another training")


class Questions(Section):
    """Questions that the paper did not ask; none by default. Each is trained with every one of the study's seeds."""

    reduced: list[Annotated[int, Field(ge=0)]] = Field([], description="RSO with so many real subjects of EF below 40 % in training")
    subjects: list[Count] = Field([], description="RSO and RSP with so many real training subjects")
    zoom: bool = Field(False, description="RSO with zooms that change volumes")
    zoom_scale: Pair = Field((1.2, 0.7), description="largest factor of the area at ED and smallest at ES, each down or up to its inverse")
    zoom_ef: Pair = Field((10.0, 80.0), description="lowest and highest EF after a zoom, in percent")
    longer: bool = Field(False, description="RSO with as many updates as SSO and RSP together")
    phantom: bool = Field(False, description="synthetic masks painted by the phantom's formulas")
    warp: bool = Field(False, description="synthetic masks painted by moving the source's own images, without a generator")
    outlines: bool = Field(False, description="synthesis from the U-Net's masks of Dataset 2")
    synthetic: bool = Field(
        False,
        description="SSO also reads painted hearts, of every second validation subject, which then choose neither its epoch nor its ridge's noise",
    )


class Realism(Section):
    """What painted images are compared with, and how many."""

    painted_subjects: Count = Field(60, description="painted subjects searched for copies")
    blind: Count = Field(12, description="images of a kind in the blind test")


class Statistics(Section):
    """Intervals of the results."""

    bootstrap_draws: Count = Field(2000, description="bootstrap draws over patients")
    confidence: float = Field(0.95, gt=0, lt=1, description="confidence level of every interval")
