"""The slider and its data."""

import base64
import json
import re

import numpy as np
import pytest

from cardiosynth.figures.slider import SCRIPT, Slider, slider_data
from cardiosynth.masks.source import Source


def heart():
    rows, columns = np.mgrid[:60, :60]
    masks = np.zeros((4, 2, 60, 60), np.uint8)
    for phase, radius in enumerate((10.0, 7.0)):
        for label, size in ((1, None), (2, 3.0), (3, 0.0)):
            away = np.hypot(rows - 30, columns - (30 if size is not None else 16))
            masks[:, phase][..., away < (radius + size if size is not None else 8)] = label
    return masks


def test_the_page_gets_the_distances_of_the_source_cut_to_the_heart():
    masks = heart()
    data = slider_data(masks, 12)
    fields = np.frombuffer(base64.b64decode(data["distances"]), "<i2").reshape(7, data["slices"], data["height"], data["width"]) * data["unit"]
    ed, es, _ = Source(masks).ends
    assert (fields[0] > 0).sum() == (ed[0] > 0).sum() == (masks[:, 0] == 3).sum()
    assert (fields[3] > 0).sum() == (es[0] > 0).sum() == (masks[:, 1] == 3).sum()
    assert data["height"] < 40 and fields[0].max() == pytest.approx(ed[0].max(), abs=data["unit"])


def test_the_slider_stands_alone_and_its_script_names_what_the_page_has():
    data = slider_data(heart(), 12) | {"ed_scale": (1.0, 1.2), "es_scale": (0.7, 1.0)}
    page = Slider(data, "one & only")._repr_mimebundle_()["text/html"]
    assert "http" not in page and "src=" not in page and "one &amp; only" in page
    stored = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page).group(1))
    assert stored["distances"] == data["distances"]
    written = set(re.findall(r'write\("(\w+)"', SCRIPT.read_text())) | {f"{phase}_{name}" for phase in ("ed", "es") for name in ("alpha", "gamma")}
    assert written == set(re.findall(r'data-value="(\w+)"', page))
