"""The network: shapes, units, and the parts that must behave in a known way whatever the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from inference.errors import ReliefError
from inference.network import PRESETS, SLOPE_SCALE, Inference, build_network
from inference.network.blocks import Block, WideContext, shuffle, squareplus, upsample
from inference.network.decoder import DetailDecoder, HeightDecoder
from inference.network.edges import SoftEdgeDetectorA, SoftEdgeDetectorB
from inference.network.encoder import Encoder
from inference.network.light import light_loss
from inference.network.matching import EdgeMatching
from inference.normalisation import believed, lit, standardise, standardise_around

TINY = PRESETS["tiny"]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(7)


def test_output_shapes_and_ranges() -> None:
    network = build_network("tiny").eval()
    out = network(torch.randn(2, 3, 64, 96))
    channels = {"height": 1, "height_first": 1, "slopes": 2, "error": 1}
    channels |= dict.fromkeys(("edges_photo", "soft_edges"), 4)
    for name, count in channels.items():
        assert getattr(out, name).shape == (2, count, 64, 96), name
    assert out.mismatch.shape == (2, 4, 32, 48)
    assert out.segments.shape == (2, 6, 16, 24)
    assert out.light.shape == (2, 3)
    assert out.error.min() >= 0.0
    assert out.mismatch.max() <= 1.0


def test_encoder_and_decoder_sizes() -> None:
    features = Encoder(TINY)(torch.randn(1, 3, 64, 96))
    assert [tuple(f.shape[1:]) for f in features] == [(8, 32, 48), (8, 16, 24), (12, 8, 12), (16, 4, 6), (24, 2, 3)]
    assert HeightDecoder(TINY)(features).shape == (1, 8, 16, 24)
    assert DetailDecoder(TINY)(features).shape == (1, 8, 32, 48)
    assert SoftEdgeDetectorA(TINY)(torch.randn(1, 8, 32, 48)).shape == (1, 4, 64, 96)


def test_parameters() -> None:
    count = sum(p.numel() for p in build_network("base").parameters())
    assert round(count / 1e6, 1) == 4.5
    # Two files of two bytes a value, which pack to 15 sixteenths.
    assert 3.75 * count < 17e6


def test_unknown_preset() -> None:
    with pytest.raises(ReliefError, match="Choose one of: base, small, tiny"):
        build_network("huge")


def test_upsample_aligns_pixel_areas() -> None:
    # Two cells 0 and 4 become four: the outer ones lie beyond the cells' centres, the inner ones a quarter inward.
    row = upsample(torch.tensor([[[[0.0, 4.0]]]]))[0, 0, 0]
    assert row.tolist() == [0.0, 1.0, 3.0, 4.0]


@pytest.mark.parametrize("kind", [Block, WideContext])
def test_folding_the_scale_keeps_the_function(kind: type) -> None:
    block = kind(6).eval()
    torch.nn.init.uniform_(block.scale, -1.0, 1.0)
    x = torch.randn(1, 6, 9, 11)
    with torch.no_grad():
        before = block(x)
        block.fold()
        after = block(x)
    assert (block.scale == 1.0).all()
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)


def test_context_reaches_everywhere() -> None:
    context = WideContext(6).eval()
    torch.nn.init.ones_(context.scale)
    x = torch.randn(1, 6, 40, 40)
    changed = x.clone()
    changed[..., 0, 0] += 10.0
    with torch.no_grad():
        assert (context(changed) - context(x))[0, :, 39, 39].abs().max() > 1e-4


def test_detector_b_ignores_the_level_of_the_height() -> None:
    detector = SoftEdgeDetectorB(TINY).eval()
    height = torch.rand(1, 1, 96, 96)
    with torch.no_grad():
        there, higher = detector(height), detector(height + 0.75)
    inside = (slice(None), slice(None), slice(32, 64), slice(32, 64))
    torch.testing.assert_close(higher[inside], there[inside], atol=1e-3, rtol=1e-3)
    assert there.std() > 0.01


def test_frozen_detector_b_stays_as_it_is_in_training() -> None:
    network = build_network("tiny")
    network.detector_b.freeze()
    network.train()
    assert network.training and network.encoder.training
    assert not any(part.training for part in network.detector_b.modules())
    before = {name: value.clone() for name, value in network.detector_b.state_dict().items()}
    out = network(torch.randn(2, 3, 64, 64))
    out.mismatch.square().mean().backward(retain_graph=True)
    assert network.height_head.conv.weight.grad is None, "what differs is no fault of the height's alone"
    network.detector_b(out.height_first).square().mean().backward()
    assert all(p.grad is None for p in network.detector_b.parameters())
    # The gradient passes through it to the height.
    assert network.height_head.conv.weight.grad.abs().sum() > 0.0
    for name, value in network.detector_b.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_halved_logits_are_the_mean_of_four() -> None:
    detector = SoftEdgeDetectorB(TINY).eval()
    squares = torch.randn(2, 4, 32, 48)
    torch.testing.assert_close(detector.halved(squares), F.avg_pool2d(detector(shuffle(squares)), 2))


def test_detector_b_reads_squares_as_a_convolution_reads_the_height() -> None:
    detector = SoftEdgeDetectorB(TINY).eval()
    height, first = torch.randn(2, 1, 64, 96), detector.first
    weight = SLOPE_SCALE * (first.weight - first.weight.mean((1, 2, 3), keepdim=True))
    features = detector.body(F.conv2d(height, weight, first.bias, stride=2, padding=1))
    torch.testing.assert_close(detector(height), shuffle(detector.last(features)))


def test_shuffle_is_pytorchs() -> None:
    x = torch.randn(2, 12, 6, 10)
    assert torch.equal(shuffle(x), torch.nn.functional.pixel_shuffle(x, 2))


def test_squareplus_is_softplus_at_0_and_relu_far_off() -> None:
    x = torch.tensor([-100.0, 0.0, 100.0])
    torch.testing.assert_close(squareplus(x), torch.tensor([0.0, float(np.log(2.0)), 100.0]), atol=0.01, rtol=0.0)


def test_mismatch_is_the_difference_of_the_detectors_probabilities() -> None:
    # Logits 0 and log 3 of two classes out of four: 1/6, 3/6, 1/6, 1/6 against four quarters.
    network = build_network("tiny").eval()
    for convolution, class_1 in ((network.detector_a.head.conv, float(np.log(3.0))), (network.detector_b.last, 0.0)):
        torch.nn.init.zeros_(convolution.weight)
        with torch.no_grad():
            convolution.bias.copy_(torch.tensor([0.0, class_1, 0.0, 0.0]).repeat_interleave(4))
    out = network(torch.randn(1, 3, 64, 64))
    torch.testing.assert_close(out.mismatch[0, :, 20, 30], torch.tensor([1 / 12, 1 / 4, 1 / 12, 1 / 12]))


def test_matching_corrects_nothing_at_first_and_something_once_trained() -> None:
    network = build_network("tiny").eval()
    x = torch.randn(1, 3, 64, 64)
    out = network(x)
    assert torch.equal(out.height, out.height_first)
    torch.nn.init.normal_(network.matching.head.conv.weight, std=0.1)
    out = network(x)
    assert not torch.equal(out.height, out.height_first)


def test_matching_listens_to_the_mismatch() -> None:
    matching = EdgeMatching(TINY).eval()
    torch.nn.init.normal_(matching.head.conv.weight, std=0.1)
    height, slopes, detail = torch.zeros(1, 1, 32, 32), torch.zeros(1, 2, 32, 32), torch.zeros(1, 8, 16, 16)
    none, some = torch.zeros(1, 4, 16, 16), torch.zeros(1, 4, 16, 16)
    some[..., 8:10, 4:6] = 0.5
    change = (matching(some, height, slopes, detail) - matching(none, height, slopes, detail)).abs()[0, 0]
    assert change[12:24, 4:16].max() > 1e-4
    assert change[:, 24:].max() == 0.0


def test_every_part_learns() -> None:
    network = build_network("tiny").train()
    torch.nn.init.normal_(network.matching.head.conv.weight, std=0.1)
    out = network(torch.randn(2, 3, 64, 64))
    target = torch.rand_like(out.light)
    loss = sum((value.float() ** 2).mean() for value in out) + (out.light - target).abs().mean()
    loss.backward()
    # A bias before a batch normalisation has no effect, and rounding alone gives it a gradient.
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0.0]
    assert silent == []


def test_inference_speaks_in_units_of_the_prediction() -> None:
    network = build_network("tiny").eval()
    x = torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        out = network(x)
        height, slopes, soft_edges, segments, confidence = Inference(network)(x)
    assert SLOPE_SCALE == 16.0
    torch.testing.assert_close(slopes * 16.0, out.slopes)
    torch.testing.assert_close(height, out.height)
    torch.testing.assert_close(soft_edges.sum(1), torch.ones(1, 64, 32))
    torch.testing.assert_close(segments.sum(1), torch.ones(1, 64, 32))
    torch.testing.assert_close(confidence, 1.0 / (1.0 + out.error))


def test_bfloat16_keeps_fine_heights() -> None:
    network = build_network("tiny").eval()
    torch.nn.init.constant_(network.height_head.conv.bias, 1.0)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        out = network(torch.randn(1, 3, 64, 64))
    assert all(value.dtype == torch.float32 for value in out)
    # Around 1, bfloat16 knows steps of 1/128 only.
    assert (out.height * 128.0 % 1.0).std() > 0.1


def test_light_is_told_from_the_photograph_alone() -> None:
    network = build_network("tiny").eval()
    x = torch.randn(1, 3, 64, 64)
    other = torch.cat((x[:, :1], torch.randn(1, 2, 64, 64)), 1)
    with torch.no_grad():
        torch.testing.assert_close(network(x).light, network(other).light)
        assert not torch.equal(network(x).height, network(other).height)


@pytest.mark.parametrize("sureness", [0.01, 1.0, 8.0])
def test_light_loss_is_the_likelihood_of_a_von_mises_distribution(sureness: float) -> None:
    angle = torch.linspace(0, 2 * np.pi, 721)[:-1]
    up = 0.6
    light = torch.stack((angle.cos() * 0.8, angle.sin() * 0.8, torch.full_like(angle, up)), 1)
    evidence = torch.tensor([[sureness, 0.0, float(np.log(up / (1 - up)))]])
    each = torch.stack([light_loss(evidence, one[None]) for one in light])
    # Densities over the circle add up to one (of two pi, which the loss leaves out).
    assert torch.exp(-each).mean().item() == pytest.approx(1.0, abs=1e-3)
    assert each.argmin().item() == 0


def test_believed_light_is_the_mean_of_the_distribution() -> None:
    for sureness in (0.0, 0.5, 1.0, 3.0, 10.0):
        angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
        weight = np.exp(sureness * np.cos(angle))
        mean = (weight * np.cos(angle)).sum() / weight.sum()
        evidence = sureness * np.array([0.6, 0.8], np.float32) - np.array([0.0, 2.0], np.float32)
        assert believed(evidence, above=2.0) == pytest.approx([0.6 * mean, 0.8 * mean], abs=0.03)


def test_lit_is_the_photograph_times_the_light() -> None:
    grey = np.array([[1.0, -2.0]], np.float32)
    seen = lit(grey, np.array([0.5, -1.0], np.float32))
    np.testing.assert_array_equal(seen, [[[1.0, -2.0]], [[0.5, -1.0]], [[-1.0, 2.0]]])


def test_standardise_by_hand() -> None:
    # Mean 0.5, standard deviation 0.25; divided by 0.25 + 0.05.
    x = standardise(np.array([[0.25, 0.75], [0.25, 0.75]], np.float32))
    np.testing.assert_allclose(x, [[-0.8333333, 0.8333333]] * 2, rtol=1e-5)
    assert x.dtype == np.float32


def test_standardise_leaves_a_blank_photograph_blank() -> None:
    noise = np.random.default_rng(1).normal(0.5, 0.001, (40, 30)).astype(np.float32)
    assert np.abs(standardise(noise)).max() < 0.1


def test_standardise_reads_faint_photographs_as_plain_ones() -> None:
    pattern = np.random.default_rng(1).normal(0.0, 1.0, (60, 50)).astype(np.float32)
    plain, faint, fainter, blank = (standardise(0.5 + s * pattern) for s in (0.04, 0.025, 0.016, 0.005))
    np.testing.assert_allclose(faint, plain, rtol=0.02, atol=1e-3)
    np.testing.assert_allclose(fainter, plain, rtol=0.02, atol=1e-3)
    assert np.abs(blank).max() < 0.25 * np.abs(plain).max()


def test_uneven_light_is_read_as_even() -> None:
    stone = np.random.default_rng(0).normal(size=(600, 800)).astype(np.float32)
    even = 0.6 + 0.1 * stone
    x = np.linspace(1.0, 0.3, 800, dtype=np.float32)
    found = standardise_around(even * x, None, 60.0)
    left, right = found[:, :200], found[:, -200:]
    whole = standardise(even * x)
    assert abs(left.mean()) < 0.2 * whole[:, :200].mean() and abs(right.mean()) < -0.2 * whole[:, -200:].mean()
    fainter = whole[:, -200:].std() / whole[:, :200].std()  # what lies in the dark, where all is measured at once
    assert fainter < 0.6 and right.std() / left.std() > 1.2 * fainter
    np.testing.assert_allclose(standardise_around(even, None, 1e4), standardise(even), atol=0.02)


def test_what_lies_beside_the_panel_says_nothing_of_what_is_around() -> None:
    stone = 0.6 + 0.1 * np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    panel = np.zeros((400, 500), bool)
    panel[50:350, 100:400] = True
    grey = np.zeros(panel.shape, np.float32)
    grey[panel] = stone.ravel()
    found = standardise_around(grey, panel, 60.0)
    assert not found[~panel].any()
    np.testing.assert_allclose(found[60:340, 110:390], standardise(stone)[10:290, 10:290], atol=0.2)
    blank = standardise_around(grey, np.zeros(panel.shape, bool), 60.0)
    np.testing.assert_array_equal(blank, standardise_around(grey, None, 60.0))


def test_standardise_reads_the_panel_alone() -> None:
    grey = np.array([[0.0, 0.25, 0.75], [0.0, 0.25, 0.75]], np.float32)
    x = standardise(grey, grey > 0.1)
    np.testing.assert_allclose(x, [[0.0, -0.25 / 0.3, 0.25 / 0.3]] * 2, atol=1e-6)
    np.testing.assert_array_equal(standardise(grey, np.zeros(grey.shape, bool)), standardise(grey))


def test_a_frozen_detector_says_the_same_with_its_normalisations_folded() -> None:
    torch.manual_seed(3)
    detector = build_network("tiny").detector_b
    for part in detector.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2.0)
            torch.nn.init.normal_(part.weight, 1.0, 0.2)
            torch.nn.init.normal_(part.bias, 0.0, 0.2)
    detector.eval()
    height = torch.rand(2, 1, 64, 64)
    plain = detector(height)
    detector.freeze()
    torch.testing.assert_close(detector(height), plain, rtol=1e-4, atol=1e-4)
