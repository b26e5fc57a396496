"""Reference and automatic contours on test subjects, beside what SFERA measures without any (paper, Fig. 6)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cardiosynth.data.subject import ED, ES
from cardiosynth.figures.examples import PHASE, pixels_of, stack
from cardiosynth.figures.results import Results
from cardiosynth.figures.style import ORANGE, SKY, Picture, house_style, keep
from cardiosynth.measuring.predictions import REDUCED_EF
from cardiosynth.networks.unet import load_segmentation, segment_stack

NAMES = {"reference": "reference", "unet": "U-Net", "sfera": "SFERA"}


def two_subjects(table: pd.DataFrame) -> list[str]:
    """A subject of usual and one of reduced EF: the medians of those from 40 % up and of those below.

    Where none is below, the second is the one of lowest EF. table: a cohort's, of one split.
    """
    ordered = table.sort_values("ef", kind="stable")
    usual, reduced = ordered[ordered["ef"] >= REDUCED_EF], ordered[ordered["ef"] < REDUCED_EF]
    reduced = reduced if len(reduced) else ordered.head(1)
    return [str(group.index[len(group) // 2]) for group in (usual, reduced) if len(group)]


def three_measurements(results: Results, subjects, experiment: str = "RSP") -> pd.DataFrame:
    """EF in percent of each subject: reference, U-Net, and SFERA as the mean over trainings."""
    predictions = results.predictions()
    predictions = predictions[(predictions["dataset"] == results.datasets[1]) & predictions["subject"].isin(subjects)]
    ef = predictions.pivot_table("ef", "subject", "experiment")
    reference = predictions.groupby("subject")["true_ef"].first()
    return pd.DataFrame({"reference": reference, "unet": ef["segmentation"], "sfera": ef[experiment]}).loc[subjects]


@house_style
def contour_examples(results: Results, split: str = "test", subjects=(), slices: int = 6) -> Picture:
    """Reference and U-Net contours of the LV, slices from base to apex at ED and ES, and three EFs a subject.

    subjects: ids in Dataset 1; empty for two chosen by their reference EF alone.
    """
    cohort = results.cohort(1)
    subjects = list(subjects) or two_subjects(cohort.split(split).table)
    network, ef = load_segmentation(results.folder / "segmentation"), three_measurements(results, subjects)
    figure = Figure(figsize=(1.4 * slices + 0.3, 3.1 * len(subjects)))
    for part, subject in zip(figure.subfigures(len(subjects), 1, squeeze=False)[:, 0], subjects):
        images, reference = pixels_of(cohort, subject), np.asarray(cohort.masks()[cohort.rows(subject)])
        automatic = segment_stack(network, images)
        three = (f"{ef.at[subject, key]:.0f} % by {name}" for key, name in NAMES.items())
        part.suptitle(f"{subject}: EF {', '.join(three)}", x=0.02, ha="left", fontsize=9.5)
        for phase, row in zip((ED, ES), part.subplots(2, slices, squeeze=False)):
            stack(row, images[:, phase], reference[:, phase], structures=("lv",), colour=SKY)
            stack(row, None, automatic[:, phase], structures=("lv",), colour=ORANGE, style="--")
            row[0].set_ylabel(PHASE[phase])
    caption = (
        "**Figure 6.** LV contours of the reference (blue, solid) and of the U-Net (orange, dashed), slices "
        "from base (left) to apex, and the "
        "ejection fraction by each and by SFERA, which draws none. The subjects were chosen by their reference "
        "EF alone."
    )
    words = "; ".join(f"{row.Index}: reference {row.reference:.0f}, U-Net {row.unet:.0f}, SFERA {row.sfera:.0f}" for row in ef.itertuples())
    alt = f"Slices of {len(subjects)} subjects with two contours each. Ejection fraction in percent of {words}."
    return keep(figure, ef.reset_index(names="subject"), results, "06-segmentation-vs-regression", caption, alt, 1)
