"""Makes the README's pictures from the example photograph and the bundled weights.

./relief reconstruct examples/panel.jpg --output out
BLENDER=blender ./relief test --window
python -m training.pictures --results out --window out/window --output docs
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inference.corrections import FLAT_COLOUR, NEUTRAL, read_paint
from inference.maps import EDGE_PALETTE, shade
from inference.photo import read_photo
from inference.prediction import FloatArray, Prediction
from inference.predictor import Predictor
from inference.refinement import refine
from inference.settings import RefinementSettings

from .panel import write_image

Picture = npt.NDArray[np.uint8]
HEIGHT_PX = 480
JPEG = (cv2.IMWRITE_JPEG_QUALITY, 88)
DETAIL, WIDE = np.s_[0.45:0.95, 0.15:0.7], np.s_[0.05:0.95, 0.0:0.99]
"""The part of the panel that the sheet of settings shows, as shares of its height and width, and that which it shows
for settings of whole figures and things; of the same proportions."""

BESIDE = {"edge_threshold": {"smoothing": 1.0}}
"""Settings without which another one does nothing."""


def fitted(picture: Picture, rows: int = HEIGHT_PX) -> Picture:
    """Scaled to a number of rows."""
    columns = round(picture.shape[1] * rows / picture.shape[0])
    return np.asarray(cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def settings_sheet(prediction: Prediction) -> Picture:
    """One row a setting of the refinement: at its least, its default and its most."""
    rows, columns = prediction.height.shape
    part, wide = (
        tuple(
            slice(round(s.start * size), round(s.stop * size)) for s, size in zip(shares, (rows, columns), strict=True)
        )
        for shares in (DETAIL, WIDE)
    )
    size = round(200 * (part[1].stop - part[1].start) / (part[0].stop - part[0].start)), 200

    def cell(words: str, height: FloatArray) -> Picture:
        stone = np.ascontiguousarray(shade(height)[wide if words.startswith("Raise") else part])
        shown = cv2.cvtColor(cv2.resize(stone, size, interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
        strip = np.full((28, shown.shape[1], 3), 255, np.uint8)
        cv2.putText(strip, words, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
        return np.vstack((strip, np.asarray(shown, np.uint8)))

    disc = painted_disc((rows, columns), part)
    raising = read_paint(disc((255, 255, 255)))
    sheet = []
    for setting in fields(RefinementSettings):
        cells = []
        for value in (setting.metadata["low"], setting.default, setting.metadata["high"]):
            beside = BESIDE.get(setting.name, {})
            values = beside | {setting.name: value}
            paint = raising if setting.name == "paint_height" else None
            height = refine(prediction, RefinementSettings.from_mapping(values), paint)
            others = "".join(f", {name.capitalize()} {other:g}" for name, other in beside.items())
            cells.append(cell(f"{setting.metadata['label']} {value:g}{others}", height))
        sheet.append(np.hstack(cells))
    soft, _, sharp = EDGE_PALETTE[1:].tolist()
    paints = (("flat", FLAT_COLOUR), ("soft edge", soft), ("sharp edge", sharp))
    cells = [cell(f"Paint: {name}", refine(prediction, None, read_paint(disc(colour)))) for name, colour in paints]
    sheet.append(np.hstack(cells))
    mask = (disc((255, 255, 255)) > 0.9).all(axis=2).astype(np.float32)
    masks = (("none", None), ("white inside", mask), ("white outside", 1 - mask))
    sheet.append(np.hstack([cell(f"Mask: {name}", refine(prediction, mask=image)) for name, image in masks]))
    return np.asarray(np.vstack(sheet), np.uint8)


def painted_disc(size: tuple[int, int], part: tuple[slice, ...]) -> Callable[[Sequence[int]], FloatArray]:
    """Paints a soft disc of a colour (R G B) into the middle of a part, on neutral grey."""
    middle = [(s.start + s.stop) / 2 for s in part]
    radius = 0.3 * (part[0].stop - part[0].start)
    y, x = np.ogrid[: size[0], : size[1]]
    cover = np.clip((radius - np.hypot(y - middle[0], x - middle[1])) / 8 + 0.5, 0, 1).astype(np.float32)[..., None]

    def painted(colour: Sequence[int]) -> FloatArray:
        rgb = np.array(colour, np.float32) / 255
        return np.asarray(NEUTRAL + (rgb - NEUTRAL) * cover, np.float32)

    return painted


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.pictures", description="Make the README's pictures.")
    parser.add_argument("--photo", type=Path, default=Path("examples/panel.jpg"))
    parser.add_argument("--results", type=Path, required=True, help="folder that `relief reconstruct` wrote")
    parser.add_argument("--window", type=Path, help="folder of pictures that `relief test --window` took")
    parser.add_argument("--output", type=Path, default=Path("docs"))
    options = parser.parse_args()
    photo = read_photo(options.photo)
    prediction = Predictor.load().predict(photo)
    render = np.asarray(cv2.imread(str(options.results / f"{options.photo.stem}.render.png")), np.uint8)
    relief = cv2.cvtColor(shade(refine(prediction)), cv2.COLOR_GRAY2BGR)
    colour = np.ascontiguousarray(photo.colour[..., ::-1])
    beside = np.hstack([fitted(p) for p in (colour, np.asarray(relief, np.uint8), render)])
    write_image(options.output / "result.jpg", beside, JPEG)
    write_image(options.output / "settings.jpg", settings_sheet(prediction), JPEG)
    if options.window:
        (path,) = options.window.glob("*_undo.png")
        shown = fitted(np.asarray(cv2.imread(str(path)), np.uint8), 2 * HEIGHT_PX)
        write_image(options.output / "window.jpg", shown, JPEG)


if __name__ == "__main__":
    main()
