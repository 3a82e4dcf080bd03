"""The training loop: it learns, resumes where it stood, and its schedule ends at nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from inference.network import build_network
from inference.normalisation import believed
from training import train
from training.data import Stream
from training.export import export
from training.height_maps import HeightMap
from training.mean import averaged
from training.shapes import write_library
from training.train import Options, Training, is_mixing, learning_rate, save, update_average


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """Of a tiny run: scenes of full size have fifty times the pixels, and nothing more that counts here."""
    monkeypatch.setattr(train, "Stream", partial(Stream, scene_px=128))
    monkeypatch.setattr(train, "CALIBRATION_BATCHES", 3)
    library = tmp_path / "library"
    y, x = np.mgrid[-24:25, -24:25].astype(np.float32)
    dome = np.where(x * x + y * y <= 576, np.sqrt(np.maximum(576 - x * x - y * y, 0)) + 1, -1).astype(np.float32)
    write_library([HeightMap(dome, "figure")], library)
    return Options(
        library=library, run=tmp_path / "run", shapes=None, minutes=0.0, batch=2, crop=64, workers=0, threads=0,
        learning_rate=2e-3, config="tiny", seed=3, device="cpu", detector_steps=2,
    )  # fmt: skip


def test_learning_rate_warms_up_holds_and_falls(options: Options) -> None:
    assert learning_rate(options, 0, 0.0) == pytest.approx(2e-3 / train.WARMUP_STEPS)
    assert learning_rate(options, 10_000, 0.9 * train.DECAY_FROM) == pytest.approx(2e-3)
    half_way_down = (1 + train.DECAY_FROM) / 2
    assert learning_rate(options, 10_000, half_way_down) == pytest.approx(1e-3)
    assert learning_rate(options, 10_000, 1.0) == pytest.approx(2e-5)


def test_the_mismatch_comes_in_by_and_by_but_at_once_with_weights_that_know_heights(options: Options) -> None:
    fresh, taught = Training(options), Training(replace(options, start=Path("relief.pt.gz")))
    assert [fresh.ramp(share) for share in (0.1, 0.3, 0.5)] == pytest.approx([0.0, 0.5, 1.0])
    assert taught.ramp(0.0) == 1.0
    save(taught.checkpoint, taught.state())
    assert fresh.resume() and fresh.ramp(0.0) == 1.0, "what it began with is known when it is resumed"


def test_average_follows_the_model() -> None:
    average, model = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False)
    nn.init.zeros_(average.weight)
    nn.init.ones_(model.weight)
    update_average(average, model, step=0)  # decay (1 + 0) / (10 + 0)
    assert torch.allclose(average.weight, torch.tensor(0.9))
    update_average(average, model, step=100_000)
    assert torch.allclose(average.weight, torch.tensor(1 - 0.1 * train.EMA_DECAY))


def test_a_run_resumes_with_all_its_state(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Training(replace(options, minutes=1.0))
    start = {name: value.clone() for name, value in first.model.state_dict().items()}
    clock = iter([0.0] * 4 + [1e9] * 9)  # two steps, the second of which outlasts the minute
    monkeypatch.setattr(train.time, "monotonic", lambda: next(clock))
    first.run()
    assert first.step == 2 and (options.run / "last.pt").exists()
    changed = [n for n, v in first.model.state_dict().items() if not torch.equal(v, start[n])]
    assert any(n.startswith("encoder") for n in changed) and any(n.startswith("detector_b") for n in changed)

    second = Training(options)
    assert second.resume()
    assert second.step == first.step and second.starts == 1
    for name, value in second.average.state_dict().items():
        assert torch.equal(value, first.average.state_dict()[name]), name
    for kept, given in ((second.adam, first.adam), (second.muon, first.muon)):
        assert len(kept.state_dict()["state"]) == len(given.state_dict()["state"]) > 0


def test_every_learned_weight_is_stepped_by_one_optimiser(options: Options) -> None:
    training = Training(options)
    start = {name: value.clone() for name, value in training.model.named_parameters()}
    torch.manual_seed(4)
    for weight in training.model.parameters():
        weight.grad = torch.randn_like(weight)
    training.set_learning_rate(1e-3)
    training.step_optimisers()
    moved = {n: (p.detach() - start[n]).square().mean().sqrt().item() for n, p in training.model.named_parameters()}
    mixing = {n for n, p in training.model.named_parameters() if is_mixing(p) and not n.startswith("detector_b")}
    assert len(training.mixing) == len(mixing) > 0
    for name, step in moved.items():
        # Muon's steps are 0.2 times the rate by design, AdamW's first is the rate.
        expected = 0.0 if name.startswith("detector_b") else 2e-4 if name in mixing else 1e-3
        assert step == pytest.approx(expected, rel=0.35), name


def test_a_run_begins_with_exported_weights(options: Options, tmp_path: Path) -> None:
    torch.manual_seed(9)
    network = train.build_network("tiny").eval()
    export(network, tmp_path / "weights", "old")
    x = torch.rand(1, 3, 64, 64)
    before = network(x).height_first.detach()
    training = Training(replace(options, start=tmp_path / "weights" / "relief.pt.gz"))
    training.calibrate = lambda stream: None  # type: ignore[method-assign]
    training.run()
    assert training.model.detector_b.frozen
    after = training.model.eval()(x).height_first.detach()
    assert torch.allclose(after, before, atol=2e-2 * before.abs().max().item())


def test_statistics_are_measured_on_photographs_that_are_not_retouched(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(9)
    export(train.build_network("tiny"), tmp_path / "weights", "old")
    monkeypatch.setattr("training.data.retouched", torch.zeros_like)
    monkeypatch.setattr(train, "again", lambda stream, move: iter(lambda: {"x": torch.zeros(1, 1, 64, 64)}, None))
    training = Training(replace(options, start=tmp_path / "weights" / "relief.pt.gz", again=True, minutes=0.0))
    measured: list[torch.Tensor] = []
    training.calibrate = lambda stream: measured.append(next(stream)["x"])  # type: ignore[method-assign]
    training.run()
    assert float(measured[0].std()) > 0.1


def test_a_run_is_averaged_with_older_weights(options: Options, tmp_path: Path) -> None:
    training = Training(options)
    save(training.checkpoint, training.state())
    older = build_network("tiny")
    export(older, tmp_path / "weights", "old")
    network = averaged(options, tmp_path / "weights" / "relief.pt.gz", 0.75)
    name = "encoder.stem.0.weight"
    expected = 0.75 * training.average.state_dict()[name] + 0.25 * older.state_dict()[name]
    assert torch.allclose(network.state_dict()[name], expected, atol=1e-3)
    norm = network.encoder.stem[1]
    assert norm.num_batches_tracked == 3
    assert (norm.running_mean != 0).all()


def test_no_mean_without_a_run(options: Options, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        averaged(options, tmp_path / "relief.pt.gz", 0.5)
    assert not options.run.exists()


def test_turned_photographs_have_their_light_turned_with_them() -> None:
    # A bright spot where the light is: at the right; turned left by a quarter, it is at the top.
    picture = torch.zeros(1, 1, 5, 5)
    picture[0, 0, 2, 4] = 1.0
    light = torch.tensor([[0.8, 0.0, 0.6]])
    for turns, (row, column) in enumerate([(2, 4), (0, 2), (2, 0), (4, 2)]):
        assert torch.rot90(picture, turns, (2, 3))[0, 0, row, column] == 1.0
        right, up, out = train.turned_light(light, turns)[0].tolist()
        assert (right, up, out) == pytest.approx(((column - 2) * 0.4, (2 - row) * 0.4, 0.6))


@pytest.mark.parametrize(("kind", "length"), [(0, 1.0), (2, 0.0)])
def test_light_is_given_true_or_not_at_all(
    options: Options, monkeypatch: pytest.MonkeyPatch, kind: int, length: float
) -> None:
    monkeypatch.setattr(train, "LIGHT_KNOWN", tuple(float(kind == k) for k in range(3)))
    x, light = torch.randn(2, 1, 64, 64), torch.tensor([[0.48, 0.36, 0.8], [-0.6, 0.0, 0.8]])
    seen = Training(options).lit(x, light)
    assert torch.equal(seen[:, :1], x)
    expected = length * torch.tensor([[0.8, 0.6], [-1.0, 0.0]])
    torch.testing.assert_close(seen[:, 1:], x * expected[:, :, None, None])


def test_light_that_the_network_finds_is_given_as_it_will_be_read(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "LIGHT_KNOWN", (0.0, 1.0, 0.0))
    training = Training(options)
    x = torch.rand(2, 1, 64, 64) + 0.5
    seen = training.lit(x, torch.tensor([[0.48, 0.36, 0.8], [-0.6, 0.0, 0.8]]))
    with torch.no_grad(), train.autocast("cpu"):
        evidence = training.average.light_branch(x).float().numpy()
    towards = torch.from_numpy(believed(evidence, train.ABOVE))
    torch.testing.assert_close(seen[:, 1:], x * towards[:, :, None, None])


def test_a_steep_gradient_stops_the_run_before_it_is_saved(options: Options) -> None:
    training = Training(options)
    training.check()
    for norm in (float("nan"), 2 * train.MAX_NORM):
        training.steepest = torch.maximum(torch.tensor(3.0), torch.tensor(norm))
        with pytest.raises(FloatingPointError, match="gradient's norm"):
            training.check()


def test_calibration_measures_the_statistics_of_the_data(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(options)
    x = torch.full((2, 1, 64, 64), 3.0) + torch.randn(2, 1, 64, 64)
    batch = {"x": x, "light": torch.tensor([[0.6, 0.0, 0.8], [0.0, -0.6, 0.8]])}
    true = torch.cat(
        (x, x * torch.tensor([[1.0], [0.0]])[..., None, None], x * torch.tensor([[0.0], [-1.0]])[..., None, None]), 1
    )
    monkeypatch.setattr(train, "LIGHT_KNOWN", (1.0, 0.0, 0.0))
    training.calibrate(iter([batch] * train.CALIBRATION_BATCHES))
    conv, norm = training.average.encoder.stem[0], training.average.encoder.stem[1]
    answer = conv(true)
    assert torch.allclose(norm.running_mean, answer.mean((0, 2, 3)), rtol=0.02, atol=0.02)
    assert torch.allclose(norm.running_var, answer.var((0, 2, 3)), rtol=0.03)


def test_detector_b_is_trained_first_and_then_left_alone(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(options)
    training.run()  # no minutes: detector B alone
    trained = {n: v.clone() for n, v in training.model.detector_b.state_dict().items()}
    assert training.model.detector_b.frozen
    stream = train.batches(train.Stream(options.library, None, 64, 5), 2, 0)
    training.model.train()
    training.one_step(next(stream), 1.0)
    for name, value in training.model.detector_b.state_dict().items():
        assert torch.equal(value, trained[name]), name
    for name, value in training.average.detector_b.state_dict().items():
        assert torch.equal(value, trained[name]), name
