"""One subject's masks under the reader's hand: α and γ dragged in the browser, with no server and no network."""

import base64
import json
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from cardiosynth.figures.results import Results
from cardiosynth.figures.style import heart_box
from cardiosynth.masks.source import Source
from cardiosynth.measuring.examples import typical_subject

SCRIPT = Path(__file__).with_name("slider.js")
UNIT_PX = 1 / 32  # distances are sent as whole numbers of this
SHOWN = 6  # slices, from base to apex
COLOURS = [[245, 245, 245, 255], [240, 228, 66, 255], [86, 180, 233, 255], [213, 94, 0, 255]]  # by label
NUMBERS = {"edv": "EDV", "esv": "ESV", "ef": "EF", "ed_muscle": "myocardium at ED", "es_muscle": "myocardium at ES", "verdict": "this candidate is"}


@dataclass(frozen=True)
class Slider:
    """A piece of a page that computes masks from distances. data: what ``slider_data`` gives; caption: what is shown."""

    data: dict
    caption: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/html": self._html(), "text/plain": self.caption}

    def _html(self) -> str:
        steps = self.data["steps"]
        (ed_low, ed_high), (es_low, es_high) = self.data["ed_scale"], self.data["es_scale"]
        controls = [
            ("ed_alpha", "α of the ED frame", 0, steps, 1, steps), ("es_alpha", "α of the ES frame", 0, steps, 1, 0),
            ("ed_gamma", "γ of the ED frame", ed_low, ed_high, 0.005, 1), ("es_gamma", "γ of the ES frame", es_low, es_high, 0.005, 1),
        ]  # fmt: skip
        rows = "".join(
            f'<label>{text}<input type="range" name="{name}" min="{low}" max="{high}" step="{step}" value="{value}">'
            f'<output data-value="{name}"></output></label>'
            for name, text, low, high, step, value in controls
        )
        frames = "".join(
            f'<figure><canvas data-phase="{phase}" role="img" aria-label="{name} masks from base to apex"></canvas>'
            f"<figcaption>{name}, base to apex</figcaption></figure>"
            for phase, name in (("ed", "ED"), ("es", "ES"))
        )
        numbers = "".join(f'<div><dt>{text}</dt><dd data-value="{name}"></dd></div>' for name, text in NUMBERS.items())
        script = SCRIPT.read_text(encoding="utf-8")
        return (
            f'<div class="mask-slider"><form>{rows}'
            '<label class="tick"><input type="checkbox" name="printed"> Eq. (1) as printed</label>'
            f'<button type="button">Back to the real masks</button></form>{frames}<dl>{numbers}</dl>'
            f"<noscript><p>The sliders need JavaScript.</p></noscript><p>{escape(self.caption)}</p>"
            f'<script type="application/json">{json.dumps(self.data)}</script><script>{script}</script></div>'
        )


def mask_slider(results: Results, subject: str = "") -> Slider:
    """Sliders for one subject of Dataset 1; empty for the training subject of median EF."""
    cohort, settings = results.cohort(1), results.study.masks
    subject = subject or typical_subject(cohort)
    row = cohort.table.loc[subject]
    data = slider_data(np.asarray(cohort.masks()[cohort.rows(subject)]), settings.interpolations + 1) | {
        "spacing_mm": float(row["spacing_mm"]), "slice_gap_mm": float(row["slice_gap_mm"]), "gamma_acts_on": settings.gamma_acts_on,
        "ed_scale": settings.ed_scale, "es_scale": settings.es_scale, "limits": [settings.minimum_ef, settings.maximum_ef],
        "colours": COLOURS,
    }  # fmt: skip
    return Slider(data, f"Masks of subject {subject} and what α and γ make of them: LV red, myocardium blue, RV yellow. {results.origin(1)}")


def slider_data(masks: np.ndarray, steps: int) -> dict:
    """Distances of one subject's masks (slices, 2, H, W), cut to the hearts and as text, and which slices are shown."""
    ed, es, rv = Source(masks).ends
    box = heart_box(masks)
    fields = np.concatenate([ed, es, rv[None]])[:, :, *box]  # (7, slices, h, w)
    limit = np.iinfo(np.int16).max
    whole = np.clip(np.rint(fields / UNIT_PX), -limit, limit).astype("<i2")
    slices, height, width = whole.shape[1:]
    return {
        "distances": base64.b64encode(whole.tobytes()).decode(), "unit": UNIT_PX, "steps": steps, "slices": slices, "height": height,
        "width": width, "shown": np.unique(np.linspace(0, slices - 1, min(SHOWN, slices)).round().astype(int)).tolist(),
    }  # fmt: skip
