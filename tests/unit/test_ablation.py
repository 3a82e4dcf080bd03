"""The ablations: each takes away what it says, and only differences beyond the spread are marked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from training import ablation, train
from training.ablation import VARIANTS, WHOLE, relabelled, table
from training.data import Stream
from training.train import Options


@pytest.fixture(autouse=True)
def small_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of full size have fifty times the pixels, and nothing more that counts here."""
    monkeypatch.setattr(ablation, "Stream", partial(Stream, scene_px=128))


def test_table_marks_differences_beyond_the_spread() -> None:
    results = {
        WHOLE: [{"r": 0.50}, {"r": 0.54}],
        "less or more": [{"r": 0.47}, {"r": 0.55}],
        "a little less": [{"r": 0.48}, {"r": 0.53}],
    }
    assert table(results).splitlines() == [
        "| | r |",
        "|---|---|",
        "| whole method | 0.520 (0.500 to 0.540) |",
        "| less or more | 0.510: -0.010 (-0.030 to +0.010) |",
        "| a little less | 0.505: -0.015 (-0.020 to -0.010) * |",
    ]


def test_one_seed_marks_nothing() -> None:
    assert "*" not in table({WHOLE: [{"r": 0.5}], "less": [{"r": 0.3}]})


def test_binary_edges_are_of_one_class() -> None:
    batch = {"edges": torch.tensor([0, 1, 2, 3], dtype=torch.uint8), "x": torch.zeros(1)}
    assert relabelled(batch, True)["edges"].tolist() == [0, 1, 1, 1]
    assert relabelled(batch, False)["edges"].tolist() == [0, 1, 2, 3]


def test_without_matching_the_height_stays_as_it_was_first(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(
        library=library, run=tmp_path / "run", shapes=None, minutes=0.0, batch=2, crop=64, workers=0, threads=0,
        learning_rate=2e-3, config="tiny", seed=3, device="cpu", detector_steps=1,
    )  # fmt: skip
    monkeypatch.setattr(train, "CALIBRATION_BATCHES", 1)
    ablation.record(options, 3, tmp_path / "batches.pt")
    recorded = torch.load(tmp_path / "batches.pt", weights_only=True)["batches"]
    seen = torch.randn(1, 3, 64, 64)
    for name, same in (("no edge matching", True), (WHOLE, False)):
        out = ablation.train(VARIANTS[name], options, recorded).average(seen)
        assert torch.equal(out.height, out.height_first) == same


def test_each_variant_asked_for_gets_a_row_and_a_second_start_trains_nothing_again(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    words = ["--library", str(library), "--run", str(run), "--steps", "1", "--seeds", "1", "--crop", "64"]
    words += ["--batch", "2", "--count", "2", "--detector-steps", "1", "--workers", "0", "--config", "tiny"]
    words += ["--device", "cpu", "--only", "binary edges", "height alone"]
    ablation.main(words)
    table = capsys.readouterr().out
    assert [row.split("|")[1].strip() for row in table.splitlines()[2:]] == [WHOLE, "binary edges", "height alone"]
    assert "nan" not in table
    trained = (run / "binary-edges-0" / "last.pt").stat().st_mtime_ns
    ablation.main([*words[:-1], "--threads", "1"])
    assert capsys.readouterr().out.splitlines() == table.splitlines()[:-1], "fewer variants may be asked for"
    assert (run / "binary-edges-0" / "last.pt").stat().st_mtime_ns == trained
    with pytest.raises(SystemExit):
        ablation.main([*words, "--crop", "96", "--steps", "9"])
    told = capsys.readouterr().err
    assert f"{run} was begun with other options: steps was 1 and is 9; crop was 64 and is 96. Give another" in told
