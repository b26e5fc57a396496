"""The quality report of a cohort as one HTML page that needs nothing else: counts, what is odd, every subject."""

import base64
import io
from html import escape
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import binary_erosion

from cardiosynth.data.cohort import Cohort
from cardiosynth.data.volumes import LV
from cardiosynth.study.files import whole

THUMBNAIL_PX = 96
OUTLINE = (255, 200, 0)
HEADINGS = {
    "id": "subject",
    "split": "split",
    "status": "status",
    "note": "what was mended, or why left out",
    "remarks": "odd",
    "same_images_as": "same images as",
    "slices_in_scan": "slices in scan",
    "slices_kept": "slices kept",
    "slice_gap_mm": "gap, mm",
    "spacing_mm": "pixel, mm",
    "edv_ml": "EDV, ml",
    "esv_ml": "ESV, ml",
    "ef": "EF, %",
    "lv_lost_percent": "LV cut away, %",
    "centre_error_mm": "crop to LV centre, mm",
}
PAGE = Template("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title><style>
body {font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #1b1b1b; background: #fff}
table {border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%} th, td {padding: .25rem .5rem; text-align: left;
border-bottom: 1px solid #ddd; vertical-align: top} th {position: sticky; top: 0; background: #fff} td.n {text-align: right}
tr.odd td {background: #fff6dc} tr.out td {background: #fde8e4} img {display: block; image-rendering: pixelated}
</style></head><body>
<h1>$title</h1>
<p>$summary</p>
<p>Pictures: the middle slice at end-diastole (left) and end-systole (right) as the study sees it; the outline is the left ventricle's.
Rows in colour, which come first, were left out or hold something odd.</p>
""")


def write(path: Path, title: str, table: pd.DataFrame, cohort: Cohort | None) -> None:
    """The page of a quality table, written subject by subject. cohort: None where nobody was read."""
    with whole(path) as partial, open(partial, "w", encoding="utf-8") as page:
        page.write(PAGE.substitute(title=escape(title), summary=escape(summary(table))))
        page.write("<table><thead><tr><th>picture</th>" + "".join(f"<th>{text}</th>" for text in HEADINGS.values()) + "</tr></thead><tbody>\n")
        for row in sorted(table.to_dict("records"), key=_kind, reverse=True):
            page.write(_row(row, cohort))
        page.write("</tbody></table></body></html>\n")


def summary(table: pd.DataFrame) -> str:
    """The counts in one sentence."""
    counts = table["status"].value_counts()
    read = len(table) - counts.get("left out", 0)
    return (
        f"{read} of {len(table)} subjects read, {counts.get('mended', 0)} of them mended, {counts.get('left out', 0)} left out; "
        f"{(table['remarks'].fillna('') != '').sum()} with something odd, {table['same_images_as'].notna().sum()} with the images of another."
    )


def _kind(row: dict) -> str:
    """The class of a row: ``out`` where it was left out, ``odd`` where something is, else nothing."""
    if row["status"] == "left out":
        return "out"
    return "odd" if _text(row["remarks"]) or isinstance(row["same_images_as"], str) else ""


def _row(row: dict, cohort: Cohort | None) -> str:
    there = cohort is not None and row["id"] in cohort.table.index
    picture = f'<img loading="lazy" alt="{escape(row["id"])}" src="{_picture(cohort, row["id"])}">' if there else ""
    cells = "".join(_cell(row[name]) for name in HEADINGS)
    return f'<tr class="{_kind(row)}"><td>{picture}</td>{cells}</tr>\n'


def _cell(value) -> str:
    return f'<td class="n">{value:.4g}</td>' if isinstance(value, (int, float)) and value == value else f"<td>{escape(_text(value))}</td>"


def _text(value) -> str:
    return "" if value is None or value != value else str(value)


def _picture(cohort: Cohort, name: str) -> str:
    """ED and ES of the middle slice, side by side, as a data URI."""
    rows = cohort.rows(name)
    middle = (rows.start + rows.stop) // 2
    colour = np.repeat(cohort.images()[middle][..., None], 3, axis=-1)  # (2, H, W, 3)
    if cohort.has_masks:
        lv = cohort.masks()[middle] == LV
        colour[lv & ~np.stack([binary_erosion(one) for one in lv])] = OUTLINE
    picture = Image.fromarray(np.concatenate(list(colour), axis=1)).resize((2 * THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
