"""Export and the two runtimes: the same answers from both, and clear words when the weights are not in order."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from inference import runtime as runtime_module
from inference.errors import ReliefError
from inference.network import build_network
from inference.runtime import (
    FILES,
    OUTPUTS,
    TORCH_FILE,
    WEIGHTS_FILE,
    OpenCVRuntime,
    RawPrediction,
    TorchRuntime,
    Weights,
    load_runtime,
)
from training.export import export, main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported weights of a network that has seen some noise, in a folder with letters outside of ASCII."""
    torch.manual_seed(3)
    network = build_network("base").train()
    torch.nn.init.normal_(network.matching.head.conv.weight, std=0.02)
    with torch.no_grad():
        for _ in range(2):
            network(2.0 * torch.randn(2, 3, 64, 64) + 1.0)
    path = tmp_path_factory.mktemp("weights") / "浮彫ü"
    export(network, path, "0.test")
    return path


@pytest.fixture()
def weights(folder: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_files(folder: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert set(sizes) == {*FILES, WEIGHTS_FILE}
    assert sum(sizes.values()) < 17_000_000
    description = json.loads((folder / WEIGHTS_FILE).read_text(encoding="utf-8"))
    assert description["version"] == "0.test"
    assert description["config"] == "base"
    assert description["parameters"] == sum(p.numel() for p in build_network("base").parameters())
    assert Weights.read(folder).label == "0.test+" + description["sha256"][TORCH_FILE][:8]


def test_the_bundled_weights_are_the_same_in_both_runtimes() -> None:
    x = np.random.default_rng(5).normal(size=(3, 128, 160)).astype(np.float32)
    opencv, pytorch = OpenCVRuntime(Weights.read()), TorchRuntime(Weights.read(), "cpu")
    for name, one, other in zip(OUTPUTS, opencv.run(x), pytorch.run(x), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3 * max(1.0, float(np.abs(other).max())), err_msg=name)
    one, other = opencv.find_light(x[0]), pytorch.find_light(x[0])
    np.testing.assert_allclose(one, other, atol=1e-3 * max(1.0, float(np.abs(other).max())))


@pytest.mark.parametrize("conv", [True, False])
def test_convolutions_are_rounded_nowhere(conv: bool) -> None:
    newer, older = SimpleNamespace(fp32_precision="tf32"), SimpleNamespace(allow_tf32=True)
    cudnn = SimpleNamespace(conv=newer) if conv else older
    with pytest.raises(ZeroDivisionError), runtime_module._unrounded(cudnn):
        assert newer.fp32_precision == "ieee" if conv else not older.allow_tf32
        raise ZeroDivisionError
    assert newer.fp32_precision == "tf32" and older.allow_tf32 is True


# One network for all sizes, not square either way, and after a larger one too.
@pytest.mark.parametrize("size", [(128, 96), (96, 352), (256, 256), (64, 64)])
def test_runtimes_agree(folder: Path, size: tuple[int, int]) -> None:
    opencv, pytorch = OpenCVRuntime(Weights.read(folder)), TorchRuntime(Weights.read(folder), "cpu")
    x = np.random.default_rng(5).normal(size=(3, *size)).astype(np.float32)
    answers = [runtime.run(x) for runtime in (opencv, pytorch)]
    for name, one, other in zip(OUTPUTS, *answers, strict=True):
        assert one.shape == other.shape, name
        assert one.dtype == other.dtype == np.float32, name
        np.testing.assert_allclose(one, other, atol=2e-4 * max(1.0, float(np.abs(other).max())), err_msg=name)
        assert other.std() > 1e-3, name
    assert answers[0].slopes.shape == (2, *size)
    assert opencv.name == "opencv (cpu)" and pytorch.name == "torch (cpu)"


@pytest.mark.parametrize("size", [(64, 64), (131, 97), (300, 500)])
def test_runtimes_agree_on_the_light(folder: Path, size: tuple[int, int]) -> None:
    opencv, pytorch = OpenCVRuntime(Weights.read(folder)), TorchRuntime(Weights.read(folder), "cpu")
    grey = np.random.default_rng(5).normal(size=size).astype(np.float32)
    one, other = (runtime.find_light(grey) for runtime in (opencv, pytorch))
    assert one.shape == other.shape == (3,) and one.dtype == other.dtype == np.float32
    np.testing.assert_allclose(one, other, atol=2e-4 * float(np.abs(other).max()))
    assert np.abs(other).max() > 1e-3
    # The answer is the caller's: a later call must not write over it.
    kept = one.copy()
    opencv.find_light(-grey)
    np.testing.assert_array_equal(one, kept)


def test_one_network_takes_one_size_after_another(folder: Path) -> None:
    runtime = OpenCVRuntime(Weights.read(folder))
    x = np.random.default_rng(6).normal(size=(3, 96, 64)).astype(np.float32)
    first = runtime.run(x)
    assert runtime.run(np.zeros((3, 160, 224), np.float32)).height.shape == (160, 224)
    again = runtime.run(x)
    np.testing.assert_array_equal(again.height, first.height)
    # The answer is the caller's: a later run must not write over it.
    kept = first.slopes.copy()
    runtime.run(x + 1.0)
    np.testing.assert_array_equal(first.slopes, kept)


def test_export_leaves_the_network_and_rounds_little(folder: Path) -> None:
    torch.manual_seed(4)
    network = build_network("tiny").eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export(network, folder.parent / "tiny", "2")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    x = np.random.default_rng(5).normal(size=(3, 64, 96)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(x)[None])
    answer = TorchRuntime(Weights.read(folder.parent / "tiny"), "cpu").run(x)
    assert np.abs(answer.height - expected.height[0, 0].numpy()).max() < 0.01 * expected.height.abs().max()


def test_export_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The averaged weights are exported, not those of the last step."""
    model, average = build_network("tiny"), build_network("tiny")
    states = {"model": model.state_dict(), "average": average.state_dict()}
    torch.save({"config": "tiny", "step": 3, **states}, tmp_path / "last.pt")
    output = tmp_path / "weights"
    monkeypatch.setattr("sys.argv", ["export", "--run", str(tmp_path), "--version", "3", "--output", str(output)])
    main()
    assert Weights.read(output).version == "3"
    state = torch.load(io.BytesIO(Weights.read(output).content(TORCH_FILE)), weights_only=True)
    name = "slope_head.conv.weight"
    torch.testing.assert_close(state[name].float(), average.state_dict()[name], atol=1e-3, rtol=1e-3)
    assert not torch.allclose(state[name].float(), model.state_dict()[name], atol=1e-3)


def test_raw_prediction_takes_the_first_of_the_batch() -> None:
    shapes = ((1, 1, 2, 3), (1, 2, 2, 3), (1, 4, 2, 3), (1, 6, 2, 3), (1, 1, 2, 3))
    raw = RawPrediction.from_batch([np.full(shape, i, np.float32) for i, shape in enumerate(shapes)])
    assert [a.shape for a in raw] == [(2, 3), (2, 2, 3), (4, 2, 3), (6, 2, 3), (2, 3)]
    assert [float(a.max()) for a in raw] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", FILES)
def test_damaged_file(weights: Path, name: str) -> None:
    content = bytearray((weights / name).read_bytes())
    content[len(content) // 2] ^= 1
    (weights / name).write_bytes(content)
    kind = TorchRuntime if name == TORCH_FILE else OpenCVRuntime
    with pytest.raises(ReliefError, match="damaged.*Reinstall"):
        kind(Weights.read(weights))


@pytest.mark.parametrize("name", FILES)
def test_missing_file(weights: Path, name: str) -> None:
    (weights / name).unlink()
    kind = TorchRuntime if name == TORCH_FILE else OpenCVRuntime
    with pytest.raises(ReliefError, match="missing.*Reinstall"):
        kind(Weights.read(weights))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": "1"}', '{"version": "1", "sha256": {}, "config": "base"}']
)
def test_damaged_description(weights: Path, text: str) -> None:
    (weights / WEIGHTS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ReliefError, match="cannot be read.*Reinstall"):
        Weights.read(weights)


def test_missing_description(tmp_path: Path) -> None:
    with pytest.raises(ReliefError, match="missing.*Reinstall"):
        Weights.read(tmp_path)


def test_weights_of_another_network(weights: Path) -> None:
    description = json.loads((weights / WEIGHTS_FILE).read_text(encoding="utf-8"))
    for config in ("tiny", "unheard of"):
        (weights / WEIGHTS_FILE).write_text(json.dumps(description | {"config": config}), encoding="utf-8")
        with pytest.raises(ReliefError, match="Reinstall"):
            TorchRuntime(Weights.read(weights))


def test_choice_of_runtime(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = Weights.read(folder)
    monkeypatch.setattr(runtime_module, "_gpu", lambda: None)
    assert isinstance(load_runtime("auto", weights), OpenCVRuntime)
    assert isinstance(load_runtime("torch", weights), TorchRuntime)
    monkeypatch.setattr(runtime_module, "_gpu", lambda: "cpu")
    assert load_runtime("torch", weights).name == load_runtime("auto", weights).name == "torch (cpu)"
    monkeypatch.setattr(runtime_module, "_gpu", lambda: "meta")  # a GPU that answers nothing
    assert load_runtime("torch", weights).name == "torch (meta)"
    assert isinstance(load_runtime("auto", weights), OpenCVRuntime)
    assert load_runtime("torch-cpu", weights).name == "torch (cpu)"
    monkeypatch.setattr(runtime_module, "_gpu", lambda: None)
    with pytest.raises(ReliefError, match="no runtime 'tensorflow'.*auto, opencv, torch, torch-cpu"):
        load_runtime("tensorflow", weights)
    monkeypatch.setattr(runtime_module.importlib.util, "find_spec", lambda name: None)
    for name in ("torch", "torch-cpu"):
        with pytest.raises(ReliefError, match="PyTorch is not installed"):
            load_runtime(name, weights)
    assert isinstance(load_runtime("auto", weights), OpenCVRuntime)


def test_broken_torch(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder is there, but it does not load, as where a library of the system is missing."""
    weights = Weights.read(folder)
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("raise OSError('c10.dll is missing')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch")
    assert isinstance(load_runtime("auto", weights), OpenCVRuntime)
    with pytest.raises(ReliefError, match="c10.dll is missing. Reinstall it, or choose the runtime opencv"):
        load_runtime("torch", weights)


def test_too_little_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = TorchRuntime(Weights.read(folder), "cpu")
    message = ""

    def fail(batch: object) -> None:
        raise RuntimeError(message)

    monkeypatch.setattr(runtime, "_network", fail)
    for told in ("CUDA out of memory. Tried to allocate 2.00 GiB", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"):
        message = told
        with pytest.raises(ReliefError, match="too little free memory.*Choose a runtime"):
            runtime.run(np.zeros((3, 64, 64), np.float32))
    message = "some fault of our own"
    with pytest.raises(RuntimeError, match="of our own"):
        runtime.run(np.zeros((3, 64, 64), np.float32))
