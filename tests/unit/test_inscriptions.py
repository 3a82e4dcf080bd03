"""Made-up text, and where a scene bears it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training import inscriptions
from training.compose import FIGURE, Composer
from training.library import Library


@pytest.mark.parametrize("script", ["_wedges", "_signs", "_letters"])
@pytest.mark.parametrize("line_px", [12.0, 40.0])
def test_every_line_has_cuts_and_stone_between_them(
    script: str, line_px: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = getattr(inscriptions, script)
    for other in ("_wedges", "_signs", "_letters"):
        monkeypatch.setattr(inscriptions, other, drawn)
    text = inscriptions.inscription(160, 240, line_px, np.random.default_rng(1))
    assert text.shape == (160, 240) and text.dtype == np.float32
    assert text.min() == 0.0 and 0.4 < text.max() <= 1.0
    assert 0.03 < text.mean() < 0.4
    assert (text[:, -1] > 0.3).mean() < 0.05 and (text[-1] > 0.3).mean() < 0.05, "signs are cut in two"
    whole = int(160 // line_px)
    for line in range(whole):
        part = text[round(line * line_px) : round((line + 1) * line_px)]
        assert (part.max(0) > 0.2).mean() > 0.15, "a line without text"
        assert (part < 0.05).mean() > 0.3, "a line without stone"


@pytest.mark.parametrize("across", [0.0, 1.0])
@pytest.mark.parametrize("raised", [0.0, 1.0])
def test_text_leaves_heads_alone_and_figures_unless_it_runs_across(
    library: Path, across: float, raised: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.compose.ACROSS_SHARE", across)
    monkeypatch.setattr("training.compose.RAISED_SHARE", raised)
    written = np.zeros((200, 200), bool)
    for seed in range(12):
        composer = Composer(Library(library), np.random.default_rng(seed), 200)
        composer.heads[50:80, 50:80] = 1.0
        segments = np.zeros((200, 200), np.uint8)
        segments[50:200, 40:90] = FIGURE
        height = np.zeros((200, 200), np.float32)
        composer._inscribe(height, segments, 20.0)
        assert (height[50:80, 50:80] == 0.0).all()
        if across:
            assert height.max() == 0.0 > height.min() >= -0.5, "what runs across figures is cut"
        else:
            assert (height[segments == FIGURE] == 0.0).all()
            assert height.min() == 0.0 < height.max() if raised else height.max() == 0.0 > height.min()
        written |= height != 0.0
    assert written[:, :40].any() and written[:, 90:].any()
    assert written[80:, 40:90].any() == bool(across)
