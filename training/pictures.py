"""Makes the README's pictures from the example photograph and the bundled weights.

./relief reconstruct examples/panel.jpg --output out
python -m training.pictures --results out --output docs
"""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inference.maps import shade
from inference.photo import read_photo
from inference.prediction import Prediction
from inference.predictor import Predictor
from inference.refinement import refine
from inference.settings import RefinementSettings

Picture = npt.NDArray[np.uint8]
HEIGHT_PX = 480
DETAIL = np.s_[0.45:0.95, 0.15:0.7]
"""The part of the panel that the sheet of settings shows, as shares of its height and width."""

BESIDE = {"edge_threshold": {"smoothing": 1.0}}
"""Settings without which another one does nothing."""


def fitted(picture: Picture, rows: int = HEIGHT_PX) -> Picture:
    """Scaled to a number of rows."""
    columns = round(picture.shape[1] * rows / picture.shape[0])
    return np.asarray(cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def write(path: Path, picture: Picture) -> None:
    """A JPEG under a temporary name, then renamed."""
    part = path.with_name(f".{path.stem}.part.jpg")
    cv2.imwrite(str(part), picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
    os.replace(part, path)


def settings_sheet(prediction: Prediction) -> Picture:
    """One row a setting of the refinement: at its least, its default and its most."""
    rows, columns = prediction.height.shape
    part = tuple(
        slice(round(s.start * size), round(s.stop * size)) for s, size in zip(DETAIL, (rows, columns), strict=True)
    )
    sheet = []
    for setting in fields(RefinementSettings):
        cells = []
        for value in (setting.metadata["low"], setting.default, setting.metadata["high"]):
            values = BESIDE.get(setting.name, {}) | {setting.name: value}
            shown = shade(refine(prediction, RefinementSettings.from_mapping(values)))[part]
            cell = cv2.cvtColor(fitted(np.ascontiguousarray(shown), 200), cv2.COLOR_GRAY2BGR)
            words = f"{setting.metadata['label']} {value:g}"
            cv2.putText(cell, words, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 3, cv2.LINE_AA)
            cv2.putText(cell, words, (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
            cells.append(cell)
        sheet.append(np.hstack(cells))
    return np.asarray(np.vstack(sheet), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.pictures", description="Make the README's pictures.")
    parser.add_argument("--photo", type=Path, default=Path("examples/panel.jpg"))
    parser.add_argument("--results", type=Path, required=True, help="folder that `relief reconstruct` wrote")
    parser.add_argument("--output", type=Path, default=Path("docs"))
    options = parser.parse_args()
    photo = read_photo(options.photo)
    prediction = Predictor.load().predict(photo)
    render = np.asarray(cv2.imread(str(options.results / f"{options.photo.stem}.render.png")), np.uint8)
    relief = cv2.cvtColor(shade(refine(prediction)), cv2.COLOR_GRAY2BGR)
    colour = np.ascontiguousarray(photo.colour[..., ::-1])
    write(options.output / "result.jpg", np.hstack([fitted(p) for p in (colour, np.asarray(relief, np.uint8), render)]))
    write(options.output / "settings.jpg", settings_sheet(prediction))


if __name__ == "__main__":
    main()
