"""How a photograph's grey becomes what the network reads; training and inference share it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .lowpass import lowpass
from .prediction import FloatArray

MULTIPLE_PX = 32
"""Height and width of the network's input are multiples of this: its coarsest features stand at 1/32."""

DEVIATIONS, FLOORS = (0.006, 0.015, 0.04), (0.05, 0.01875, 0.05)
"""What is added to standard deviations, with straight lines between: much to those of blank photographs, whose noise
and blotches are not blown up into relief, little to those of faint ones. Of Cycles' photographs of 384 px with a
quarter to an eighth of their contrast, three with deviations of 0.015 to 0.033 have r 0.938, 0.849 and 0.704 of the
high-passed height; 0.908, 0.799 and 0.668 with 0.05 added to all (weights 0.19)."""


def standardise(grey: FloatArray, panel: npt.NDArray[np.bool_] | None = None) -> FloatArray:
    """Zero mean and nearly unit spread.

    Args:
        grey: (H, W) float32, 0 to 1.
        panel: (H, W), outside of which is nothing to be read, see `inference.background`; None reads everything.

    Returns:
        (H, W) float32, (grey - mean) / (standard deviation + 0.05 or less), both of the panel; 0 outside.
    """
    if panel is None or not panel.any():
        panel = np.ones(grey.shape, bool)
    seen = grey[panel]
    mean = float(seen.mean(dtype=np.float64))
    spread = float(seen.std(dtype=np.float64))
    floor = float(np.interp(spread, DEVIATIONS, FLOORS))
    return np.where(panel, (grey - mean) / (spread + floor), 0.0).astype(np.float32)


def standardise_around(grey: FloatArray, panel: npt.NDArray[np.bool_] | None, sigma_px: float) -> FloatArray:
    """`standardise` by the mean and spread of what lies around each place, which differ where the light is uneven.

    Args:
        grey: (H, W) float32, 0 to 1.
        panel: as `standardise` takes it.
        sigma_px: of the Gaussian that tells what lies around.

    Returns:
        As of `standardise`.
    """
    if panel is None or not panel.any():
        panel = np.ones(grey.shape, bool)
    seen = grey - grey[panel].mean(dtype=np.float64).astype(np.float32)
    seen *= panel
    share = np.maximum(lowpass(panel.astype(np.float32), sigma_px), 1e-3)
    mean = lowpass(seen, sigma_px) / share
    spread = np.sqrt(np.maximum(lowpass(seen * seen, sigma_px) / share - mean * mean, 0.0))
    floor = np.interp(spread, DEVIATIONS, FLOORS)
    return np.where(panel, (seen - mean) / (spread + floor), 0.0).astype(np.float32)


def believed(evidence: FloatArray, above: float) -> FloatArray:
    """The mean direction toward the light, shorter the less is known of it.

    Args:
        evidence: (..., 2 or more) float32, x right and y up; the network's ``light``.
        above: what stands against it before a photograph is seen: evidence that light comes from above, as a rule.

    Returns:
        (..., 2) float32, length 0 to 1.

    Source:
        Mean of a von Mises distribution, I1(k) / I0(k), in a simple form that errs by less than 0.03.
    """
    vector = evidence[..., :2] + np.array([0.0, above], np.float32)
    return np.asarray(vector * belief((vector * vector).sum(-1, keepdims=True)), np.float32)


def belief(square: Any) -> Any:
    """What evidence, an array or a tensor of any library, is multiplied by to be believed: of its length's ``square``.

    Source: `believed`.
    """
    return 1.0 / ((square + 2.1) ** 0.5 + 0.5)


def lit(grey: FloatArray, towards: FloatArray) -> FloatArray:
    """What the network reads: the photograph, and its shading as slope toward the light believed.

    Args:
        grey: (H, W) float32, standardised.
        towards: (2,) x right, y up, length 0 (nothing known) to 1 (certain).

    Returns:
        (3, H, W) float32.
    """
    return np.stack((grey, grey * np.float32(towards[0]), grey * np.float32(towards[1])))
