"""The record of a study names every machine that its stages ran on."""

import json
import subprocess
import sys
from pathlib import Path

from cardiosynth.study import provenance
from cardiosynth.study.files import write_json
from cardiosynth.study.study_file import load_study
from cardiosynth.workflow.publish import ROOT


def test_stages_of_two_machines_are_told_apart(tmp_path):
    for name in ("here", "there"):
        with provenance.stage(tmp_path / name, f"stage {name}", {}, "cardiosynth.study.provenance"):
            pass
    timing = tmp_path / "there" / provenance.TIMING
    write_json(timing, json.loads(timing.read_text()) | {"device": "a card", "torch": "2.0", "commit": "another"})
    manifests = [tmp_path / name / provenance.MANIFEST for name in ("here", "there")]
    provenance.summarise(load_study(ROOT / "studies" / "smoke.yaml"), manifests, tmp_path / "provenance.json")
    record = provenance.load(tmp_path)
    assert record["device"] == "cpu, a card" and record["versions"]["torch"].endswith(", 2.0")
    assert record["commit"] == f"{provenance.commit()}, another"
    assert "**commits** `" in provenance.footer(tmp_path, "x.ipynb") and "another`" in provenance.footer(tmp_path, "x.ipynb")
    assert record["machine"].count("cores") == 1  # the same for both
    assert [stage["device"] for stage in record["stages"]] == ["cpu", "a card"]


def test_start_up_counts_once_a_process_and_peaks_are_those_of_each_stage(tmp_path):
    program = (
        "import sys; from pathlib import Path; from cardiosynth.study.provenance import stage\n"
        "with stage(Path(sys.argv[1]) / 'large', 'large', {}, 'cardiosynth.study.files'): held = bytearray(300_000_000)\n"
        "del held\n"
        "with stage(Path(sys.argv[1]) / 'small', 'small', {}, 'cardiosynth.study.files'): pass\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=ROOT)
    large, small = (json.loads((tmp_path / name / provenance.TIMING).read_text()) for name in ("large", "small"))
    assert large["startup_s"] > 0 and small["startup_s"] == 0
    assert large["peak_rss_mb"] > 300
    assert small["peak_rss_mb"] < 300 or not Path("/proc/self/clear_refs").exists()
