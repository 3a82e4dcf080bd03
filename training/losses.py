"""The dynamic edge-enhanced loss over height, slopes, soft edges and segments."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.network import SLOPE_SCALE, ReliefOutput
from inference.network.blocks import upsample
from inference.network.edges import SoftEdgeDetectorB
from inference.network.light import light_loss

FLAT_POWER, USUAL_POWER = (1e-4, 1e-3), (7e-4, 6e-3)
"""Mean square of the forms within a band of sizes, finest first, below which a sample counts as flat in that band, and
what it is in most samples."""
USUAL_LARGE = 5e-2
"""Likewise of the largest forms, which no sample lacks."""
SLOPE_SIZES = ((1, 0.01, 0.15, 1.0), (4, 0.007, 0.1, 0.5), (16, 0.002, 0.02, 0.5))
"""Sides of the squares over which slopes are averaged, in pixels; likewise of them, in the network's unit; and weights.
Inference takes forms of up to a quarter of a panel from the slopes, and pixel by pixel 3 to 8 % of their error were
forms of 32 px and more."""
FLAT_GRADIENT, USUAL_GRADIENT = (2e-5, 5e-5, 1e-4, 2e-4), (3e-4, 8e-4, 2e-3, 4e-3)
"""Likewise of the height's own slopes, per pixel of each of four scales a factor of 2 apart."""
FLAT_FACE_POWER, USUAL_FACE_POWER = (1e-4, 2e-3), (1e-3, 2e-2)
"""Likewise of the forms of 4 to 16 and 16 to 64 px within faces. Finer ones have a thirtieth of the power of these."""
FULL_FACE_PX = 2000
"""How many pixels of faces a photograph must have to count in full. A few, of heads of 20 px, whose features nobody
sees, outweighed all else in a third of the batches: one face of a single pixel made 68 of a gradient of 73."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms; ``edge``, ``mismatch`` and ``head`` are a, b and c of the dynamic weight."""

    edge: float = 1.5
    mismatch: float = 1.5
    head: float = 3.0
    absolute: float = 0.5
    form: float = 2.0
    gradient: float = 0.25
    slopes: float = 1.0
    faces: float = 0.8
    edges: float = 0.4
    matching: float = 0.15
    segments: float = 0.25
    light: float = 0.5
    error: float = 0.1


def autocast(device: str) -> AbstractContextManager[Any]:
    """bfloat16 autocast where the device computes in it; processors that emulate it are seven times slower for it."""
    fast = device == "cuda" or (device == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.autocast(device, torch.bfloat16) if fast else nullcontext()


def gradient(height: Tensor) -> Tensor:
    """(N, 2, H, W) central differences d/dx, d/dy of (N, 1, H, W); one-sided at the border."""
    dx = height.diff(dim=3)
    dy = height.diff(dim=2)
    dx = torch.cat((dx[..., :1], (dx[..., 1:] + dx[..., :-1]) / 2, dx[..., -1:]), 3)
    dy = torch.cat((dy[..., :1, :], (dy[..., 1:, :] + dy[..., :-1, :]) / 2, dy[..., -1:, :]), 2)
    return torch.cat((dx, dy), 1)


def _split(height: Tensor) -> tuple[Tensor, Tensor]:
    """A height a quarter as large, and the band of forms that it leaves, (N, 1, H, W)."""
    coarse = F.avg_pool2d(height, 4)
    return coarse, height - F.interpolate(coarse, height.shape[2:], mode="bilinear")


def scale_of(power: Tensor, flat: float, usual: float) -> Tensor:
    """What the squared errors of samples are divided by, whose true forms have this power.

    Half way to the power itself: divided by that, what may be steep or flat is read as the flatter, whose errors would
    cost more. On plateaus, whose forms are steep, true forms were 1.23 to 1.37 times those predicted, on deep carving
    0.98 to 1.03 times (run of 4,389 steps after weights 0.21). Divided by what is usual alone, flat stone would hardly
    be asked to stay flat.
    """
    return torch.sqrt((power + flat) * usual)


def form_loss(predicted: Tensor, true: Tensor, weight: Tensor) -> Tensor:
    """Squared error of the forms of each size, relative to those of the truth of that size, see `scale_of`.

    The height is split into bands a factor of 4 apart, each what the next coarser one leaves, and the last one's mean.
    Squared, for the mean of what an ambiguous photograph may show is the guess that correlates best with the truth; L1
    asks for the median and turned doubtful places into plateaus that are all there or not at all.

    Args:
        predicted: (N, 1, H, W); sides are multiples of 16.
        true: likewise.
        weight: (N, 1, H, W), mean about 1.
    """
    total = predicted.new_zeros(())
    for flat, usual in zip(FLAT_POWER, USUAL_POWER, strict=True):
        (coarse_predicted, found), (coarse_true, band) = _split(predicted), _split(true)
        wrong = found - band
        power = band.square().flatten(1).mean(1)[:, None, None, None]
        total = total + (wrong.square() * weight / scale_of(power, flat, usual)).mean()
        predicted, true, weight = coarse_predicted, coarse_true, F.avg_pool2d(weight, 4)
    wrong = predicted - true
    wrong = wrong - wrong.mean((2, 3), keepdim=True)
    power = true.var((2, 3), keepdim=True, correction=0)
    total = total + (wrong.square() * weight / scale_of(power, FLAT_POWER[-1], USUAL_LARGE)).mean()
    return total / (len(FLAT_POWER) + 1)


def face_loss(predicted: Tensor, true: Tensor, inner: Tensor) -> Tensor:
    """Squared error of the finer forms within faces, see `scale_of`, over the photographs that have some.

    Within faces lies a hundredth of a photograph's slopes, and a face that is a lump cost a fiftieth of the loss: 0.066
    of 3.5 in the middle of 218 crops of heads. With the weight 0.3 a run gained 0.002 of r of faces on Cycles' panels,
    with 0.8 and more crops of heads the next one 0.006.

    Args:
        predicted: (N, 1, H, W); sides are multiples of 16.
        true: likewise.
        inner: (N, 1, H, W), as those of `training.labels.within_faces`.
    """
    total = predicted.new_zeros(())
    counted = (inner.sum((1, 2, 3)) / FULL_FACE_PX).clamp(max=1.0)
    predicted, true, inner = (F.avg_pool2d(a, 4) for a in (predicted, true, inner))
    for flat, usual in zip(FLAT_FACE_POWER, USUAL_FACE_POWER, strict=True):
        (coarse_predicted, found), (coarse_true, band) = _split(predicted), _split(true)
        area = inner.sum((1, 2, 3)).clamp_min(1e-6)
        error, power = ((a.square() * inner).sum((1, 2, 3)) / area for a in (found - band, band))
        total = total + (error / scale_of(power, flat, usual) * counted).sum() / counted.sum().clamp_min(1.0)
        predicted, true, inner = coarse_predicted, coarse_true, F.avg_pool2d(inner, 4)
    return total / len(FLAT_FACE_POWER)


def gradient_loss(predicted: Tensor, true: Tensor, weight: Tensor) -> Tensor:
    """Squared differences of slope over 4 scales, relative to the slopes of the truth at that scale, see `scale_of`.

    Differences relative to the mean slope, not squared, as before, were least for 0.6 to 0.95 of what was predicted.
    """
    total = predicted.new_zeros(())
    for flat, usual in zip(FLAT_GRADIENT, USUAL_GRADIENT, strict=True):
        wrong, power = predicted - true, gradient(true).square().flatten(1).mean(1)[:, None, None, None]
        heavy = weight / scale_of(power, flat, usual)
        # Central differences as of `gradient`, but for the border: joining them costs as much as all else here.
        down, across = wrong[..., 2:, :] - wrong[..., :-2, :], wrong[..., 2:] - wrong[..., :-2]
        both = (down.square() * heavy[..., 1:-1, :]).mean() + (across.square() * heavy[..., 1:-1]).mean()
        total = total + both / 8
        predicted, true, weight = (F.avg_pool2d(a, 2) for a in (predicted, true, weight))
    return total / len(FLAT_GRADIENT)


def slope_loss(predicted: Tensor, true: Tensor, weight: Tensor) -> Tensor:
    """Squared error of slopes of each size in the network's unit, relative to those of the sample, see `scale_of`.

    Squared, for the mean of what a stained photograph may show is a better guess than its median, which is flat: after
    240 steps r of the slopes was 0.42 against 0.37 with L1.
    """
    total = predicted.new_zeros(())
    for side, flat, usual, share in SLOPE_SIZES:
        maps = predicted, true, weight
        found, sought, heavy = maps if side == 1 else (F.avg_pool2d(a, side) for a in maps)
        power = sought.square().flatten(1).mean(1)[:, None, None, None]
        total = total + share * ((found - sought).square() * heavy / scale_of(power, flat, usual)).mean()
    return total


EDGE_SHARES = (0.851, 0.090, 0.042, 0.017)
SEGMENT_SHARES = (0.470, 0.336, 0.048, 0.062, 0.064, 0.020)
"""Of the pixels of 3,000 crops (plants', since there are more of them, of 1,000). Counted anew for each run in its
first 48, sharp edges had 0.009 to 0.018 and animals 0.006 to 0.048, so that the classes' weights, and the mismatch of
the two detectors, were a lottery."""


def balanced(counts: Tensor) -> Tensor:
    """Class weights from pixel counts: the inverse square root of the share, mean 1 over the classes that occur."""
    share = counts / counts.sum()
    weight = 1 / torch.sqrt(share + 1e-3)
    return weight / weight[counts > 0].mean()


def detector_loss(logits: Tensor, classes: Tensor, class_weights: Tensor) -> Tensor:
    """Class-balanced cross-entropy of one soft-edge detector."""
    return F.cross_entropy(logits.float(), classes, class_weights)


def dynamic_weight(
    out: ReliefOutput, classes: Tensor, joints: Tensor, heads: Tensor, weights: LossWeights, ramp: float
) -> Tensor:
    """(1 + edge (a + b mismatch)) (1 + c head), (N, 1, H, W), mean about 1, without gradient.

    True edges count for more, and those for most that the photograph shows otherwise than the height. So do joints of
    blocks: where a place may be either, the guess that costs least would lean to an edge, for that one's weight. Heads
    count for more because faces are what is looked at, and hold less than a hundredth of all slopes' power.

    Args:
        out: of the network.
        classes: (N, H, W) int64 true soft-edge classes.
        joints: (N, 1, H, W), 1 beside the joints of blocks, which are no edges.
        heads: (N, 1, H, W), 1 where a head is seen with its face, less where without.
        weights: a, b and c.
        ramp: 0 to 1, how far b has come in.

    Source: dynamic edge-enhanced loss, Pan et al., ACM Multimedia 2024, as this project reads it.
    """
    edge = ((classes > 0).unsqueeze(1) | (joints > 0)).float()
    mismatch = upsample(out.mismatch.detach().float().sum(1, keepdim=True)) / 2
    weight = (1 + edge * (weights.edge + weights.mismatch * ramp * mismatch)) * (1 + weights.head * heads)
    return weight / weight.mean()


def total_loss(
    out: ReliefOutput,
    batch: dict[str, Tensor],
    detector: SoftEdgeDetectorB,
    edge_weights: Tensor,
    segment_weights: Tensor,
    weights: LossWeights,
    ramp: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum over all tasks, and each term by name.

    Args:
        out: of the network, for ``batch["x"]``.
        batch: as `training.data.collate` makes it.
        detector: the frozen detector B; the refined height is asked to show it the true edges.
        edge_weights: (4,) class weights of the soft edges.
        segment_weights: (6,) class weights of the segments.
        weights: of the terms.
        ramp: 0 to 1, how far the mismatch has come into the dynamic weight, and detector B into the loss.
    """
    true, edges, segments = batch["height"], batch["edges"].long(), batch["segments"].long()
    weight = dynamic_weight(out, edges, batch["joints"], batch["heads"], weights, ramp)
    height, first, slopes = out.height.float(), out.height_first.float(), out.slopes.float()
    true_slopes = gradient(true) * SLOPE_SCALE
    slope_error = (slopes.detach() - true_slopes).abs().mean(1, keepdim=True)
    faces = batch["faces"]
    looked_at = (1 + weights.head * batch["heads"]).squeeze(1)
    looked_at = looked_at / looked_at.mean()
    with autocast(true.device.type):
        shown = detector(height)
    photo = F.cross_entropy(out.edges_photo.float(), edges, edge_weights, reduction="none")
    halved = upsample(out.segments.float(), 2)  # their logits have a quarter of the size
    down, across = torch.randint(2, (2,)).tolist()  # by turns, or borders would be taught half a pixel aside
    parts = F.cross_entropy(halved, segments[:, down::2, across::2], segment_weights, reduction="none")
    terms = {
        "absolute": ((height - true).abs() * weight).mean() + 0.5 * ((first - true).abs() * weight).mean(),
        "form": form_loss(height, true, weight) + 0.5 * form_loss(first, true, weight),
        "gradient": gradient_loss(height, true, weight) + 0.5 * gradient_loss(first, true, weight),
        "slopes": slope_loss(slopes, true_slopes, weight),
        "faces": face_loss(height, true, faces) + 0.5 * face_loss(first, true, faces),
        # Not by edges, whose classes have weights already: weighted twice, detector A saw edges in 46 % of the pixels
        # of which 21 % are, detector B in 25 %, and most of the mismatch was that.
        "edges": (photo * looked_at).mean(),
        "matching": detector_loss(shown, edges, edge_weights),
        "segments": (parts * F.avg_pool2d(weight, 2).squeeze(1)).mean(),
        "light": light_loss(out.light.float(), batch["light"]),
        "error": (out.error.float() - slope_error).abs().mean(),
    }
    # Detector B knows no heights as rough as an untrained network's: it judges once they are smooth.
    shares = {name: getattr(weights, name) * (ramp if name == "matching" else 1.0) for name in terms}
    total = torch.stack([shares[name] * term for name, term in terms.items()]).sum()
    return total, terms
