"""Depthwise convolutions with the fast gradient answer and learn as PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from training.depthwise import hasten


def answers(module: nn.Module, x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a module makes of ``x``, and the gradients toward ``x`` and toward its weights."""
    x = x.clone().requires_grad_()
    y = module(x)
    (weight,) = module.parameters()
    to_x, to_weight = torch.autograd.grad(y, (x, weight), gradient.to(y.dtype))
    return y.detach().float(), to_x, to_weight


@pytest.mark.parametrize("dilation", [1, 2])
def test_same_answers_and_gradients(dilation: int) -> None:
    torch.manual_seed(4)
    module = nn.Conv2d(5, 5, 7, padding=3 * dilation, dilation=dilation, groups=5, bias=False)
    x, gradient = torch.randn(2, 5, 9, 24), torch.randn(2, 5, 9, 24)
    expected = answers(module, x, gradient)
    hasten(module)
    for fast, slow in zip(answers(module, x, gradient), expected, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        halves = answers(module, x, gradient)
    for fast, slow in zip(halves, expected, strict=True):
        assert 0 < (fast - slow).abs().max() < 0.02 * slow.abs().max(), "computed in bfloat16"


def test_other_convolutions_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 8, 3, groups=2))
    for words in ({"bias": True}, {"padding": 0}, {"stride": 2}, {"dilation": 2}):
        model.append(nn.Conv2d(4, 4, 3, groups=4, **{"bias": False, "padding": 1, **words}))
    hasten(model)
    assert not any("forward" in vars(module) for module in model.modules())
