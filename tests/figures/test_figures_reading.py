import pytest

from cardiosynth import ROOT
from cardiosynth.figures import reading
from cardiosynth.study.errors import InputError


@pytest.mark.parametrize(
    "name, folder, words",
    [
        ("subjects_read", "readers", ["acdc", "pairs with the same images"]),
        ("volumes_read", "readers", ["EDV, ml", "largest"]),
        ("masks_checked", "readers", ["brightness of blood over muscle", "kaggle-png"]),
        ("reading_speed", "readers", ["phantom-a", "1500"]),
        ("centres_found", "finders", ["image (paper)", "within 20 mm, %"]),
        ("slices_found", "finders", ["base exact, %", "apex if nothing were cut, %"]),
        ("found_slices_volumes", "finders", ["EDV bias", "EF RMSE"]),
        ("found_slices_effect", "finders", ["RMSE, annotated", "extra_test"]),
        ("keyframes_found", "finders", ["sunnybrook-SCD0000101", "ED within one, %"]),
    ],
)
def test_recorded_tables_of_reading_are_shown_with_their_cohorts(name, folder, words, tmp_path):
    table = getattr(reading, name)(ROOT / "data" / "results" / folder)
    shown = table._repr_mimebundle_()["text/markdown"]
    assert all(word in shown for word in words) and "patients" in table.caption
    with pytest.raises(InputError, match="no such recorded table"):
        getattr(reading, name)(tmp_path)
