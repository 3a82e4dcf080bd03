"""Random numbers and fields that scenes are drawn with."""

from __future__ import annotations

import cv2
import numpy as np

from inference.prediction import FloatArray


def fractal(rows: int, columns: int, scale_px: float, rng: np.random.Generator, octaves: int = 4) -> FloatArray:
    """Fractal noise, (rows, columns) float32, mean 0, standard deviation about 1, largest features of scale_px."""
    out = np.zeros((rows, columns), np.float32)
    amplitude = 1.0
    for _ in range(octaves):
        r, c = int(rows / scale_px) + 3, int(columns / scale_px) + 3
        coarse = rng.standard_normal((min(r, rows + 2), min(c, columns + 2)), np.float32)
        out += amplitude * cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
        amplitude *= 0.55
        scale_px /= 2.0
        if scale_px < 1.5:
            break
    return out / max(float(out.std()), 1e-6)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Evenly drawn on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
