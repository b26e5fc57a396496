"""Which scans a model calls unlike those it learnt from, by their looks alone.

    python evidence/familiarity.py MODEL COHORT --json FILE [--foreign COHORT ...]

COHORT is that of the model's Dataset 1 in the study's results; its test subjects are of the kind learnt, so few of them should
lie beyond the validation subjects. The same subjects are then spoilt in known ways. --foreign names cohorts of other origin on
the same grid (``python -m cardiosynth ingest ... --size-px ... --extent-mm ... --centre ...``). Shares are percentages of subjects.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import gaussian_filter, zoom

from cardiosynth.data.cohort import Cohort
from cardiosynth.measuring.model_folder import load_model

SEED = 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--json", type=Path, required=True, help="where the records go")
    parser.add_argument("--foreign", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    model, own = load_model(options.model), stacks(Cohort.open(options.cohort).split("test"))
    groups = {"test subjects": own} | {f"test subjects, {name}": [spoil(one) for one in own] for name, spoil in spoilt().items()}
    groups |= {str(folder): stacks(Cohort.open(folder)) for folder in options.foreign}
    records = [{"group": name, "subjects": len(group), "beyond_percent": beyond(model, group)} for name, group in groups.items()]
    options.json.write_text(json.dumps(records, indent=1) + "\n")
    print(pd.DataFrame(records).to_string(index=False, float_format="{:.0f}".format))


def stacks(cohort: Cohort) -> list[np.ndarray]:
    """The images (slices, 2, H, W) of every subject."""
    return [np.array(cohort.images()[cohort.rows(name)]) for name in cohort.table.index]


def beyond(model, group: list[np.ndarray]) -> float:
    """Percentage of subjects that lie beyond all validation subjects."""
    looks = model.looks([torch.from_numpy(np.ascontiguousarray(one)) for one in group])
    return 100 * float((model.familiarity.distance(looks) > model.familiarity.validation[-1]).mean())


def spoilt() -> dict:
    """Ways to make a stack unlike itself: uint8 to uint8 of the same shape."""
    rng = np.random.default_rng(SEED)

    def larger(images):
        size = images.shape[-1]
        first = size // 4
        return zoom(images, (1, 1, 1.5, 1.5), order=1)[..., first : first + size, first : first + size]

    return {
        "noise of a tenth of the range": lambda images: np.clip(images + rng.normal(0, 25, images.shape), 0, 255).astype(np.uint8),
        "blurred by one pixel": lambda images: gaussian_filter(images, (0, 0, 1, 1)),
        "inverted": lambda images: 255 - images,
        "1.5 times as large": larger,
        "ED and ES exchanged": lambda images: images[:, ::-1],
        "apex first": lambda images: images[::-1],
        "a third of the width aside": lambda images: np.roll(images, images.shape[-1] // 3, axis=-1),
    }


if __name__ == "__main__":
    main()
