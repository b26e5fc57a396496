"""What the foot of a page needs of a study that was made up."""

from pathlib import Path

from cardiosynth.study.files import write_json


def write_provenance(folder: Path) -> None:
    """provenance.json of a study of that folder's name, with the keys that the foot of a page names."""
    made_up = {"study": folder.name, "title": "made up", "seed": 1, "seeds": [1], "wall_s": 60.0, "peak_rss_mb": 100.0, "commit": "abc"}
    versions = {name: "1.0" for name in ("python", "torch", "numpy")}
    write_json(folder / "provenance.json", made_up | {"device": "cpu", "machine": "none", "versions": versions, "data_sha256": {}})
