"""Speed of mask synthesis against the straightforward way, on phantom subjects at 150 x 150 pixels.

    OMP_NUM_THREADS=1 python benchmarks/masks.py --json FILE [--subjects N] [--rounds N]

Straightforward: for each recipe scipy's distance transform of every mask and structure, the weighted sum, and scipy's
``affine_transform`` (order 1) for each gamma about the same centre, all over the whole frame. It is timed twice, as
written and with the distances of a subject kept for all its recipes. Both sides make the default recipes (without the
original pair) of the same subjects in one thread, in alternating order; the best round counts. Compared is what moves
contours; the mending of single pixels that follows is the same work for both and stands in a record of its own. Then as many
stacks as the paper has are made, mended, in two processes, of distinct recipes, none stored. The file is a list of records; the table printed
holds the same numbers.
"""

import argparse
import json
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import affine_transform, center_of_mass, distance_transform_edt

from cardiosynth.data import phantom
from cardiosynth.data.preprocessing import prepare
from cardiosynth.masks.recipes import Recipe, enumerate_recipes
from cardiosynth.masks.source import Source, synthesise
from cardiosynth.study.sections import Grid, Masks

PAPER_STACKS, PROCESSES, SEED = 22_653, 2, 1
RECIPES = enumerate_recipes("subject", Masks(include_original=False))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the records go")
    parser.add_argument("--subjects", type=int, default=3, help="phantom subjects of each of the two sites")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    subjects = [one.masks for site in "ab" for one in map(prepared, phantom.subjects(site, "train", options.subjects, SEED))]
    records = compared(subjects, options.rounds) + [whole_paper(subjects, stacks) for stacks in (PAPER_STACKS // 10, PAPER_STACKS)]
    projected_s = records[0]["baseline_s"] * PAPER_STACKS / PROCESSES
    for record, stacks in zip(records[2:], (PAPER_STACKS // 10, PAPER_STACKS)):
        record |= {"baseline_s": projected_s * stacks / PAPER_STACKS, "ratio": projected_s * stacks / PAPER_STACKS / record["ours_s"]}
    options.json.write_text(json.dumps(records, indent=1) + "\n")
    print(pd.DataFrame(records).set_index("name").T.to_string(float_format="{:.5g}".format, na_rep=""))


def prepared(subject):
    """On the paper's grid."""
    return prepare(subject, Grid())


# ---------------------------------------------------------------- the straightforward way


def straightforward(masks: np.ndarray, recipe: Recipe, kept: dict | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Masks (slices, 2, H, W) of one candidate, and how near its fields are to zero at each pixel. kept: distances so far."""
    power = 0.5 if recipe.gamma_acts_on == "area" else 1.0
    moves = ((recipe.ed_alpha, recipe.ed_gamma**power), (recipe.es_alpha, recipe.es_gamma**power))
    frames = [frame(masks, alpha, recipe.steps, scale, {} if kept is None else kept) for alpha, scale in moves]
    return tuple(np.stack(part, axis=1) for part in zip(*frames))


def frame(masks, alpha, steps, scale, kept):
    """One frame (slices, H, W) and the least distance from zero of its fields there."""
    if scale == 1 and alpha in (0, steps):
        return masks[:, 0 if alpha else 1], np.full(masks[:, 0].shape, np.inf)
    made, margin = zip(*(frame_of_slice(masks, index, alpha, steps, scale, kept) for index in range(len(masks))))
    return np.stack(made), np.stack(margin)


def frame_of_slice(masks, index, alpha, steps, scale, kept):
    """One slice of a frame."""
    fields = [between(masks, index, name, alpha, steps, kept) for name in ("lv", "epicardium", "heart")]
    fields[2] = np.minimum(fields[2], distance(masks, index, "rv at ed or es", 0, kept))
    if scale != 1:
        held = next((field for field in fields if (field > 0).any()), np.ones(fields[0].shape))
        centre = np.array(center_of_mass(held > 0))
        options = {"offset": centre - centre / scale, "order": 1, "cval": -sum(held.shape)}
        fields = [affine_transform(field, [1 / scale, 1 / scale], **options) for field in fields]
    lv, epicardium, rv = (field > 0 for field in fields)
    return np.where(lv, 3, np.where(epicardium, 2, np.where(rv, 1, 0))).astype(np.uint8), np.abs(fields).min(axis=0)


def between(masks, index, name, alpha, steps, kept):
    """Eq. (1) as intended; what one phase lacks has shrunk to its innermost point there."""
    ed, es = (distance(masks, index, name, phase, kept) for phase in (0, 1))
    if ed.max() < 0 < es.max():
        ed = es - es.max()
    elif es.max() < 0 < ed.max():
        es = ed - ed.max()
    return (alpha * ed + (steps - alpha) * es) / steps


def distance(masks, index, name, phase, kept):
    """Signed distance of a structure of one slice and phase."""
    if (index, name, phase) not in kept:
        labels = masks[index, phase]
        mask = {
            "lv": labels == 3, "epicardium": labels >= 2, "heart": labels >= 1, "rv at ed or es": (masks[index] == 1).any(axis=0),
        }[name]  # fmt: skip
        absent = np.full(mask.shape, -float(sum(mask.shape)))
        both = np.where(mask, distance_transform_edt(mask) - 0.5, 0.5 - distance_transform_edt(~mask)) if mask.any() else absent
        kept[index, name, phase] = both
    return kept[index, name, phase]


# ---------------------------------------------------------------- what is measured


class NotMended:
    """In the place of a source's mender: frames stay as the contours make them."""

    def mend(self, frame, *boxes):
        return frame


def moved(masks: np.ndarray):
    """Ours without mending, recipe after recipe."""
    source = Source(masks)
    source.mender = NotMended()
    return (source.apply(recipe) for recipe in RECIPES)


def compared(subjects: list[np.ndarray], rounds: int) -> list[dict]:
    """Records per core: as written and with distances kept. Seconds per stack."""
    ways = {
        "ours": lambda masks: [made for made in moved(masks)],
        "mended": lambda masks: [made for made in synthesise(masks, RECIPES)],
        "written": lambda masks: [straightforward(masks, recipe)[0] for recipe in RECIPES],
        "kept": lambda masks: [straightforward(masks, recipe, kept)[0] for kept in [{}] for recipe in RECIPES],
    }
    best = {name: np.full(len(subjects), np.inf) for name in ways}
    for number in range(rounds):
        for index, masks in enumerate(subjects):
            for name in list(ways)[:: 1 if (number + index) % 2 else -1]:
                start = time.perf_counter()
                ways[name](masks)
                best[name][index] = min(best[name][index], time.perf_counter() - start)
    per_stack = {name: float(seconds.sum() / len(subjects) / len(RECIPES)) for name, seconds in best.items()}
    shared = {"subjects": len(subjects), "stacks": len(subjects) * len(RECIPES), "ours_s": per_stack["ours"]}
    shared |= {"ours_stacks_per_s_core": 1 / per_stack["ours"], "ours_projected_s": per_stack["ours"] * PAPER_STACKS / PROCESSES}
    shared |= difference(subjects)
    named = {"written": "scipy, distances per recipe", "kept": "scipy, distances kept per subject"}
    mending_s = per_stack["mended"] - per_stack["ours"]
    shared["ours_mended_s"] = per_stack["mended"]
    shared["ratio_if_both_mend"] = {way: (per_stack[way] + mending_s) / per_stack["mended"] for way in named}
    return [
        {"name": f"one core, against {text}", "baseline": text, "ratio": per_stack[way] / per_stack["ours"], "baseline_s": per_stack[way]}
        | shared
        | {"ratio_if_both_mend": shared["ratio_if_both_mend"][way]}
        for way, text in named.items()
    ]


def difference(subjects: list[np.ndarray]) -> dict:
    """Pixels that differ between both sides, those at ties (a field within 0.001 pixels of zero), and of the LV; in percent."""
    total = union = differing = ties = lv = 0
    for masks in subjects:
        kept = {}
        for recipe, ours in zip(RECIPES, moved(masks)):
            theirs, margin = straightforward(masks, recipe, kept)
            unlike = ours != theirs
            total, union = total + ours.size, union + count(ours | theirs)
            differing += count(unlike)
            ties, lv = ties + count(unlike & (margin < 1e-3)), lv + count((ours == 3) != (theirs == 3))
    counts = {"differing_px": differing, "differing_at_ties_px": ties, "differing_lv_px": lv, "union_px": union}
    return counts | {"differing_of_union_percent": 100 * differing / union, "differing_of_all_percent": 100 * differing / total}


def count(where) -> int:
    """Pixels, as a number that JSON knows."""
    return int(np.count_nonzero(where))


def whole_paper(subjects: list[np.ndarray], stacks: int) -> dict:
    """Time and memory to make so many stacks in two processes, starting them included."""
    per_source = len(RECIPES)
    sources = -(-stacks // per_source)
    rounds = -(-sources // len(subjects))
    jobs = [(index % len(subjects), index // len(subjects), rounds, per_source) for index in range(sources - 1)]
    jobs.append(((sources - 1) % len(subjects), (sources - 1) // len(subjects), rounds, stacks - per_source * (sources - 1)))
    start = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES, get_context("spawn"), _share, (subjects,)) as pool:
        made = list(pool.map(_make, jobs, chunksize=4))
    seconds = time.perf_counter() - start
    assert sum(number for number, _ in made) == stacks
    return {
        "name": f"{stacks} stacks in {PROCESSES} processes", "baseline": "scipy, distances per recipe, projected", "ratio": None,
        "baseline_s": None, "subjects": len(subjects), "stacks": stacks, "ours_s": seconds,
        "peak_memory_mib_per_process": max(peak for _, peak in made),
    }  # fmt: skip


def _share(subjects):
    """Give a process the masks."""
    global SUBJECTS
    SUBJECTS = subjects


def _make(job) -> tuple[int, float]:
    """Make the stacks of one source; how many, and the most memory this process has had (MiB)."""
    subject, number, rounds, wanted = job
    made = sum(1 for masks in synthesise(SUBJECTS[subject], islice(distinct(number, rounds), wanted)) if masks.any())
    return made, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def distinct(number: int, rounds: int):
    """The default recipes of one of several rounds over the same subject, each moved by its own part of a step."""
    settings, part = Masks(), number / rounds
    ed_step, es_step = ((high - low) / settings.scales for low, high in (settings.ed_scale, settings.es_scale))
    for recipe in RECIPES:
        alphas = [alpha * rounds - (number if 0 < alpha < recipe.steps else 0) for alpha in (recipe.ed_alpha, recipe.es_alpha)]
        frames = {"ed_alpha": alphas[0], "es_alpha": alphas[1], "steps": recipe.steps * rounds}
        if recipe.operation == "scaled":
            frames |= {"ed_gamma": recipe.ed_gamma + part * ed_step, "es_gamma": recipe.es_gamma + part * es_step}
        yield replace(recipe, **frames)


if __name__ == "__main__":
    main()
