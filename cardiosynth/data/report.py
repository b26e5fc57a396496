"""The quality report of a cohort as one HTML page that needs nothing else: counts, what is odd, every subject."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment
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
PAGE = Environment(autoescape=True, trim_blocks=True).from_string("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><style>
body {font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #1b1b1b; background: #fff}
table {border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%} th, td {padding: .25rem .5rem; text-align: left;
border-bottom: 1px solid #ddd; vertical-align: top} th {position: sticky; top: 0; background: #fff} td.n {text-align: right}
tr.odd td {background: #fff6dc} tr.out td {background: #fde8e4} img {display: block; image-rendering: pixelated}
</style></head><body>
<h1>{{ title }}</h1>
<p>{{ summary }}</p>
<p>Pictures: the middle slice at end-diastole (left) and end-systole (right) as the study sees it; the outline is the left ventricle's.
Rows in colour, which come first, were left out or hold something odd.</p>
<table><thead><tr><th>picture</th>{% for heading in headings.values() %}<th>{{ heading }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}
<tr class="{{ kind(row) }}"><td>
{%- if row.id in pictured %}<img loading="lazy" alt="{{ row.id }}" src="{{ picture(row.id) }}">{% endif %}</td>
{%- for name in headings %}
{% if row[name] is number %}<td class="n">{{ "%.4g" | format(row[name]) }}</td>{% else %}<td>{{ row[name] }}</td>{% endif %}
{% endfor %}</tr>
{% endfor %}
</tbody></table></body></html>
""")


def write(path: Path, title: str, table: pd.DataFrame, cohort: Cohort | None) -> None:
    """The page of a quality table, written subject by subject. cohort: None where nobody was read."""
    rows = sorted(table.astype(object).where(table.notna(), "").to_dict("records"), key=_kind, reverse=True)
    pictured = () if cohort is None else cohort.table.index
    shown = {"title": title, "summary": summary(table), "headings": HEADINGS, "rows": rows, "kind": _kind}
    with whole(path) as partial:
        PAGE.stream(shown, pictured=pictured, picture=lambda name: _picture(cohort, name)).dump(str(partial), "utf-8")


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
    return "odd" if row["remarks"] or row["same_images_as"] else ""


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
