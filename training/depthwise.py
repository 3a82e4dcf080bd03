"""Depthwise convolutions whose training does not wait for the gradient of their weights.

On processors, PyTorch 2.13 (oneDNN) takes 47 ms for the gradient of the weights of a 7x7 depthwise convolution of
4 x 48 x 112 x 112 in bfloat16, and 1.4 ms for the convolution itself; here the gradient takes 5 ms. A training step of
the network (4 crops of 448 px, two cores) takes 1.8 s so, and 2.5 s without.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inference.prediction import FloatArray

PARTS = 16
"""Parts of the sum over all lines, which threads share."""


@numba.njit(cache=True, fastmath=True, parallel=True)
def _weight_gradient(x: FloatArray, g: FloatArray, size: int, dilation: int) -> FloatArray:
    """(size, size, C) gradient of the weights, of the input and of the output's gradient, both (N, H, W, C)."""
    count, rows, columns, channels = x.shape
    centre = size // 2
    parts = np.zeros((PARTS, size, size, channels), np.float32)
    for number in numba.prange(PARTS):
        part = parts[number]
        for line in range(number * count * rows // PARTS, (number + 1) * count * rows // PARTS):
            n, y = line // rows, line % rows
            for down in range(size):
                from_y = y + (down - centre) * dilation
                if from_y < 0 or from_y >= rows:
                    continue
                for column in range(columns):
                    for across in range(size):
                        from_x = column + (across - centre) * dilation
                        if 0 <= from_x < columns:
                            for c in range(channels):
                                part[down, across, c] += x[n, from_y, from_x, c] * g[n, y, column, c]
    gradient: FloatArray = parts.sum(axis=0)
    return gradient


class _Depthwise(torch.autograd.Function):
    """conv2d with as many groups as channels, stride 1, an odd kernel and padding that keeps the size."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, dilation: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.dilation = dilation
        return _same(x, weight.to(x.dtype), dilation)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        (g,) = gradients
        to_x = _same(g, weight.flip(2, 3).to(g.dtype), ctx.dilation)
        seen, wrong = (a.float().permute(0, 2, 3, 1).contiguous().numpy() for a in (x, g))
        to_weight = torch.from_numpy(_weight_gradient(seen, wrong, weight.shape[2], ctx.dilation))
        return to_x, to_weight.permute(2, 0, 1)[:, None], None


def _same(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    return F.conv2d(x, weight, padding=dilation * (weight.shape[2] // 2), dilation=dilation, groups=len(weight))


def _forward(module: nn.Conv2d, x: Tensor) -> Tensor:
    if torch.is_autocast_enabled("cpu"):
        x = x.to(torch.get_autocast_dtype("cpu"))
    with torch.autocast("cpu", enabled=False):
        y: Tensor = _Depthwise.apply(x, module.weight, module.dilation[0])  # type: ignore[no-untyped-call]
    return y


def hasten(model: nn.Module) -> None:
    """Give the depthwise convolutions of a model on a processor the fast gradient; weights and answers stay.

    Those that keep the size, and have neither stride nor bias, as all of the network's.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and 1 < module.in_channels == module.groups == module.out_channels:
            size, dilation = module.kernel_size[0], module.dilation[0]
            same = (size, size), (dilation, dilation), (dilation * (size // 2),) * 2, (1, 1), None
            if same == (module.kernel_size, module.dilation, module.padding, module.stride, module.bias) and size % 2:
                module.forward = partial(_forward, module)  # type: ignore[method-assign]
