"""The sheets for the eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.sheets import COLUMNS, SQUARE_PX, grid, main, photographs, square, turned


def test_a_flat_panel_turned_is_narrower_by_the_cosine() -> None:
    picture = np.full((40, 400), 200, np.uint8)
    seen = turned(picture, np.zeros((40, 400), np.float32), 60.0)
    assert (seen[20] > 0).sum() == pytest.approx(200, abs=2)
    assert seen[20, 100:300].min() == 200 and seen[20, :98].max() == 0


def test_what_stands_out_moves_away_from_the_side_it_is_seen_from_and_hides_what_is_behind() -> None:
    picture = np.tile(np.arange(400, dtype=np.uint16) // 2 + 20, (40, 1)).astype(np.uint8)
    height = np.zeros((40, 400), np.float32)
    height[:, 200:240] = 2.0  # 40 px high
    flat, seen = turned(picture, 0 * height, 30.0), turned(picture, height, 30.0)
    shift = 40 * np.sin(np.radians(30.0))
    cosine = np.cos(np.radians(30.0))
    middle = round(199.5 + (220 - 199.5) * cosine - shift)
    assert seen[20, middle] == pytest.approx(int(picture[20, 220]), abs=1)
    assert flat[20, middle] < seen[20, middle]
    # Just left of the block its foot is hidden: tones jump there from before it to its top.
    edge = round(199.5 + (200 - 199.5) * cosine - shift)
    assert seen[20, edge - 2] < picture[20, 185] and seen[20, edge + 2] >= picture[20, 199]


def test_photographs_of_every_kind_are_found_and_a_folder_without_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    for name in ("notes.txt", "a/one.JPG", "a/b/two.tif", "three.png", "four.jpeg"):
        (tmp_path / name).touch()
    names = [path.relative_to(tmp_path).as_posix() for path in photographs(tmp_path)]
    assert names == ["a/b/two.tif", "a/one.JPG", "four.jpeg", "three.png"]
    words = ["sheets", "--photos", str(tmp_path / "nowhere"), "--output", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit):
        main()
    assert "no photograph below" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_squares_fill_rows() -> None:
    cells = [square(np.full((50, 80), value, np.uint8)) for value in (10, 20, 30, 40, 50)]
    sheet = grid(cells)
    assert sheet.shape == (2 * SQUARE_PX, COLUMNS * SQUARE_PX)
    assert sheet[SQUARE_PX + 5, 5] == 50 and sheet[-1, -1] == 0
