"""The launcher, in a project of its own with one small wheel: no network, nothing installed outside the test."""

from __future__ import annotations

import errno
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

COMMAND = """
import atexit, json, sys, types
from . import __name__ as package
def check(argv):
    return None
def main(argv):
    import pebble
    atexit.register(print, "stuck in Blender's own exit")
    faults = {"interrupt": KeyboardInterrupt(), "close": BrokenPipeError(32, "Broken pipe"), "err": ZeroDivisionError()}
    if argv[-1] in faults:
        raise faults[argv[-1]]
    if argv[-1] == "blender":
        sys.modules["bpy"] = types.SimpleNamespace(app=types.SimpleNamespace(tempdir=argv[-2]))
    print(json.dumps({"argv": argv, "package": package, "weight": pebble.WEIGHT, "isolated": sys.flags.isolated}))
    return 7
"""


def write_wheel(path: Path) -> None:
    """A wheel with one module, written by hand."""
    info = "pebble-1.0.dist-info"
    files = {
        "pebble.py": "WEIGHT = 5\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: pebble\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,{len(text)}\n" for name, text in files.items()) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)


def make_project(folder: Path) -> Path:
    """A copy of the launcher beside a command line that tells what it was given."""
    (folder / "operators").mkdir(parents=True)
    (folder / "requirements").mkdir()
    shutil.copy(ROOT / "relief", folder / "relief")
    (folder / "__init__.py").write_text("raise RuntimeError('the root is for Blender alone')\n")
    (folder / "operators" / "__init__.py").write_text("")
    (folder / "operators" / "command.py").write_text(COMMAND)
    wheel = folder / "pebble-1.0-py3-none-any.whl"
    write_wheel(wheel)
    for name in ("run", "test", "bpy-4.2", "bpy-5.0"):
        (folder / "requirements" / f"{name}.txt").write_text(f"{wheel}\n")
    return folder


def load_launcher(folder: Path) -> Any:
    loader = importlib.machinery.SourceFileLoader("relief_launcher", str(folder / "relief"))
    spec = importlib.util.spec_from_loader("relief_launcher", loader)
    assert spec is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The launcher as a user starts it, and without a network."""
    words = [sys.executable, str(folder / "relief"), *arguments]
    environment = {**os.environ, "PIP_NO_INDEX": "1"}
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose environment the launcher made; its first run is tested here."""
    folder = make_project(tmp_path_factory.mktemp("a clone") / "é")
    first = run(folder, "reconstruct", "a photo.jpg")
    assert first.returncode == 7, first.stderr
    assert json.loads(first.stdout)["argv"] == ["reconstruct", "a photo.jpg"]
    assert "relief: making .venv with Python" in first.stderr
    return folder


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Any]:
    """The launcher's functions, in a project without an environment."""
    yield load_launcher(make_project(tmp_path / "clone"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "photo_to_relief"]:
        del sys.modules[name]


def test_later_run_goes_straight_to_the_command(project: Path) -> None:
    stamp = project / ".venv" / "relief-run.txt.json"
    made = stamp.stat().st_mtime_ns
    done = run(project, "reconstruct", "--output", "out")
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert answer == {
        "argv": ["reconstruct", "--output", "out"],
        "package": "photo_to_relief.operators",
        "weight": 5,
        "isolated": 1,
    }
    assert done.returncode == 7
    assert stamp.stat().st_mtime_ns == made


def test_interrupted_command_ends_quietly(project: Path) -> None:
    done = run(project, "reconstruct", "interrupt")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_what_leaves_the_command_ends_it_without_blenders_own_exit(project: Path) -> None:
    done = run(project, "reconstruct", "close")
    told = "relief: [Errno 32] Broken pipe. Mend that and run again.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)
    done = run(project, "reconstruct", "err")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Traceback") and done.stderr.endswith("ZeroDivisionError\n")


def test_the_folder_of_blenders_temporary_files_leaves_with_it(project: Path, tmp_path: Path) -> None:
    for name in ("empty", "kept"):
        (tmp_path / name).mkdir()
    (tmp_path / "kept/mine.txt").touch()
    for name in ("empty", "kept", "gone"):
        assert run(project, "reconstruct", str(tmp_path / name), "blender").returncode == 7
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "mine.txt"]


@pytest.mark.skipif(os.name == "nt", reason="the streams are closed by a shell script")
def test_closed_streams_are_as_good_as_silent(project: Path) -> None:
    words = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, str(project / "relief"), "reconstruct"]
    assert subprocess.run([*words, "x"], check=False).returncode == 7
    assert subprocess.run([*words, "err"], check=False).returncode == 1


def test_damaged_package_is_mended(project: Path) -> None:
    (module,) = (project / ".venv").rglob("pebble.py")
    module.write_text("WEIGHT")
    done = run(project, "reconstruct", "x")
    assert "relief: .venv is made anew: pebble.py is missing or damaged" in done.stderr
    assert json.loads(done.stdout)["weight"] == 5


def test_missing_interpreter_is_mended_without_a_word_when_quiet(project: Path) -> None:
    python = load_launcher(project).RUN.python
    python.unlink()
    done = run(project, "reconstruct", "--quiet")
    assert (done.returncode, done.stderr) == (7, "")
    assert python.exists()


def test_the_stamp_must_fit(project: Path) -> None:
    launcher = load_launcher(project)
    stamp = launcher.RUN.stamp(launcher.RUN.layers[0])
    good = stamp.read_text()
    record = json.loads(good)
    assert launcher.sound(launcher.RUN)[0] == 1
    assert launcher.sound(launcher.TEST)[0] == 1  # the second layer is not there
    try:
        for bad, reason in [
            ("{half", "not finished"),
            (json.dumps({**record, "requirements": "other"}), "requirements have changed"),
            (json.dumps({**record, "python": "3.2"}), "was 3.2"),
            (json.dumps({**record, "distributions": ["gone-1.dist-info"]}), "missing or damaged"),
        ]:
            stamp.write_text(bad)
            count, why = launcher.sound(launcher.RUN)
            assert count == 0
            assert reason in why
        stamp.unlink()
        assert launcher.sound(launcher.RUN)[0] == 0
    finally:
        stamp.write_text(good)


def test_test_requirements_stand_on_the_run_requirements(launcher: Any) -> None:
    layer = launcher.TEST.layers[1]
    before = launcher.digest(layer)
    with open(launcher.ROOT / "requirements" / "run.txt", "a") as file:
        file.write("# changed\n")
    assert launcher.digest(layer) != before


def test_no_suitable_python_is_one_line(
    launcher: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launcher, "find_python", lambda versions: None)
    assert launcher.main(["reconstruct", "a.jpg"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Python 3.11 or 3.13" in error
    assert "python3.11-venv or python3.13-venv" in error


def test_python_is_asked_and_not_taken_by_its_name(
    launcher: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for folder, text in (("stand-in", "exit 127"), ("other", "echo 3.9; echo /usr/bin/false")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "python3.2").write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / folder / "python3.2").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "stand-in"), str(tmp_path / "other")]))
    assert launcher.find_python(((3, 2),)) is None
    (tmp_path / "other" / "python3.2").write_text("#!/bin/sh\necho 3.2; echo /opt/python\n")
    assert launcher.find_python(((3, 2),)) == "/opt/python"
    assert Path(launcher.find_python((sys.version_info[:2],))).exists()  # the running one needs no PATH


def test_paths_are_told_in_utf8_whatever_the_code_page(
    launcher: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a pipe speaks the code page unless Python is told otherwise."""
    home = tmp_path / "Jürgen 山"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    monkeypatch.setenv("LC_ALL", "C")
    _, site = launcher.ask(python)
    assert Path(site).is_relative_to(home)


def test_a_folder_of_another_making_is_left_alone(tmp_path: Path) -> None:
    """An environment that an editor or the user made in the place of ours."""
    project = make_project(tmp_path / "clone")
    (project / ".venv/lib").mkdir(parents=True)
    (project / ".venv/lib/mine.txt").write_text("years of work")
    ended = run(project, "reconstruct", "a.jpg")
    assert ended.returncode == 1
    assert ".venv is not of this program's making. Move or delete it, and run again." in ended.stderr
    assert (project / ".venv/lib/mine.txt").read_text() == "years of work"


def test_an_environment_is_ours_by_its_stamp_too(launcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a copy that left the empty lock file out."""
    launcher.RUN.folder.mkdir()
    launcher.RUN.stamp(launcher.RUN.layers[0]).touch()
    monkeypatch.setattr(launcher, "find_python", lambda versions: None)
    with pytest.raises(launcher.SetupError, match=r"Python 3.11 or 3.13 .* was not found"):
        launcher.prepare(launcher.RUN)


def test_help_and_wrong_usage_are_told_before_anything_is_installed(tmp_path: Path) -> None:
    project = make_project(tmp_path / "clone")
    text = "def check(argv):\n    print(argv)\n    return {'--help': 0, '--polish': 2}[argv[-1]]\n"
    (project / "operators/command.py").write_text(text)
    for option, code in (("--help", 0), ("--polish", 2)):
        ended = run(project, "reconstruct", option)
        assert ended.returncode == code and f"'{option}'" in ended.stdout
    assert not (project / ".venv").exists()


def test_the_command_checks_its_options_with_the_standard_library_alone(tmp_path: Path) -> None:
    code = (
        "import sys, importlib.machinery, importlib.util\n"
        f"loader = importlib.machinery.SourceFileLoader('relief_launcher', {str(ROOT / 'relief')!r})\n"
        "launcher = importlib.util.module_from_spec(importlib.util.spec_from_loader('relief_launcher', loader))\n"
        "loader.exec_module(launcher)\n"
        "check = launcher.load_command().check\n"
        f"words = ['reconstruct', 'a.jpg', '--output', {str(tmp_path / 'out')!r}]\n"
        "print(check([*words, '--help']), check([*words, '--polish']), check(words))\n"
    )
    words = [sys.executable, "-I", "-S", "-B", "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("\n0 2 None\n"), done.stdout + done.stderr


def test_full_disk_is_one_line_before_the_downloads(
    launcher: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0.3e9))
    assert launcher.main(["reconstruct", "a.jpg"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2  # what is being made, and why not
    assert "needs about 1.6 GB and 0.3 GB are free" in lines[1]
    assert launcher.sound(launcher.RUN)[0] == 0


@pytest.mark.parametrize("lack", ["python", "disk"])
def test_an_environment_stays_until_a_new_one_can_be_made(
    launcher: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lack: str
) -> None:
    """It may be that of another machine, which shares the folder."""
    folder, usage, python = launcher.RUN.folder, namedtuple("usage", "free"), launcher.find_python
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/theirs.py").write_bytes(bytes(1_000_000))
    launcher.RUN.stamp(launcher.RUN.layers[0]).write_text(json.dumps({"requirements": "others"}))
    if lack == "python":
        monkeypatch.setattr(launcher, "find_python", lambda versions: None)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1.6e9 - (2e6 if lack == "disk" else 0.5e6)))
    assert launcher.main(["reconstruct", "a.jpg"]) == 1
    told = capsys.readouterr().err
    assert {"python": "was not found", "disk": "needs about 1.6 GB"}[lack] in told
    assert sorted(path.name for path in folder.iterdir()) == ["lib", "relief-run.txt.json", "relief.lock"]
    assert (folder / "lib/theirs.py").stat().st_size == 1_000_000
    # What it takes itself counts as free: it is gone before the new one is there.
    monkeypatch.setattr(launcher, "find_python", python)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1.6e9 - 0.5e6))
    monkeypatch.setattr(launcher, "run_logged", lambda environment, words, quiet: None)
    launcher.build(launcher.RUN, "no reason", True)
    assert [path.name for path in folder.iterdir()] == ["relief.lock"]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"], "disk is full"),
        (
            [
                "WARNING: Retrying after connection broken by 'NewConnectionError(...)'",
                "ERROR: No matching distribution found for pebble",
            ],
            "Check the network",
        ),
        (
            ["Collecting x", "ERROR: No matching distribution found for x", "note"],
            "No matching distribution found for x",
        ),
        (["ERROR: No matching distribution found for bpy==5.2.3"], "not made for this system and Python"),
        ([], "no message"),
    ],
)
def test_failed_installation_is_explained_in_one_line(
    launcher: Any, tmp_path: Path, output: list[str], words: str
) -> None:
    text = launcher.explain(tmp_path, output)
    assert words in text
    assert "\n" not in text
    assert text.endswith(f" (all of it is in {tmp_path / 'install.log'})")
    assert (tmp_path / "install.log").read_text(encoding="utf-8") == "\n".join(output)
    assert words in launcher.explain(tmp_path / "unwritable", output)


def test_a_full_disk_may_be_that_of_temporary_files(launcher: Any, tmp_path: Path) -> None:
    told = launcher.explain(tmp_path, ["ERROR: [Errno 28] No space left on device"])
    assert f"Make room there and in {tempfile.gettempdir()}," in told


def test_failing_pip_leaves_no_stamp(launcher: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (launcher.ROOT / "requirements" / "run.txt").write_text(f"{launcher.ROOT / 'missing-1.0-py3-none-any.whl'}\n")
    assert launcher.main(["reconstruct", "a.jpg"]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("relief: The installation failed: ERROR:")
    assert not launcher.RUN.stamp(launcher.RUN.layers[0]).exists()


def test_pip_is_led_nowhere_else(launcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names = "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"
    for name in (*names, "PIP_USER"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PIP_PROXY", "1")
    launcher.RUN.folder.mkdir()
    code = f"import os\nassert 'PIP_PROXY' in os.environ and not {set(names)} & set(os.environ)"
    code += "\nassert os.environ['PIP_USER'] == '0', 'of a file of settings too'"
    launcher.run_logged(launcher.RUN, [sys.executable, "-c", code], True)


@pytest.mark.parametrize("indent", ["", "  "])
def test_what_pip_downloads_is_told_however_its_index_serves_it(
    launcher: Any, capsys: pytest.CaptureFixture[str], indent: str
) -> None:
    """Where that tells of packages apart from their wheels, the wheels come later and are not indented."""
    launcher.RUN.folder.mkdir()
    lines = [f"{indent}Downloading pebble-1.0-py3-none-any.whl.metadata (1.2 kB)"]
    lines += [f"{indent}Downloading pebble-1.0-py3-none-any.whl (3.5 MB)", "Requirement already satisfied: Downloading"]
    launcher.run_logged(launcher.RUN, [sys.executable, "-c", f"print({chr(10).join(lines)!r})"], False)
    assert capsys.readouterr().err == "relief:   pebble-1.0 (3.5 MB)\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without asking it")
def test_stopped_it_leaves_no_pip_behind(launcher: Any, tmp_path: Path) -> None:
    launcher.RUN.folder.mkdir()
    noted = tmp_path / "pid"
    code = "import os, sys, time\nopen(sys.argv[1], 'w').write(str(os.getpid()))\n"
    code += "os.kill(os.getppid(), 15)\ntime.sleep(60)"
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        launcher.run_logged(launcher.RUN, [sys.executable, "-c", code, str(noted)], True)
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


def test_streams_of_old_pythons_are_left_as_they_are(
    launcher: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Old(io.TextIOWrapper):
        reconfigure = property()  # as if it had none

    monkeypatch.setattr("sys.stderr", Old(io.BytesIO()))
    assert launcher.main(["--help"]) == 0 and "usage: relief" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_the_environment_may_lie_on_another_disk(tmp_path: Path) -> None:
    project = make_project(tmp_path / "clone")
    (tmp_path / "elsewhere").mkdir()
    (project / ".venv").symlink_to(tmp_path / "elsewhere")
    for _ in range(2):
        assert run(project, "reconstruct", "a.jpg").returncode == 7
    assert (tmp_path / "elsewhere/pyvenv.cfg").exists()


def test_an_installation_that_went_elsewhere_leaves_no_stamp(launcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a target in pip's own settings."""
    launcher.RUN.folder.mkdir()
    monkeypatch.setattr(launcher, "ask", lambda python: ("3.11", str(launcher.RUN.folder)))
    monkeypatch.setattr(launcher, "run_logged", lambda environment, words, quiet: None)
    with pytest.raises(launcher.SetupError, match="pip installed nothing into .*venv. Take target and prefix out"):
        launcher.install(launcher.RUN, launcher.RUN.layers[0], True)
    assert not launcher.RUN.stamp(launcher.RUN.layers[0]).exists()


def test_one_process_at_a_time_makes_an_environment(launcher: Any) -> None:
    folder = launcher.RUN.folder
    with launcher.locked(folder, quiet=True), open(folder / launcher.LOCK, "a") as second:
        assert launcher.lock(second.fileno()) is False
    with open(folder / launcher.LOCK, "a") as third:
        assert launcher.lock(third.fileno()) is True


@pytest.mark.skipif(os.name == "nt", reason="every drive there has locks")
def test_a_drive_without_locks_is_used_without(launcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO]

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(told.pop(0), "refused")

    monkeypatch.setattr("fcntl.flock", flock)
    assert [launcher.lock(0) for _ in range(3)] == [True] * 3
    with pytest.raises(OSError, match="refused"):
        launcher.lock(0)


def test_help_and_wrong_usage(launcher: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert launcher.main(["-h"]) == 0
    assert "reconstruct PHOTO" in capsys.readouterr().out
    assert launcher.main([]) == 2
    assert "reconstruct PHOTO" in capsys.readouterr().err
    assert launcher.main(["reconstuct"]) == 2
    assert "'reconstuct'" in capsys.readouterr().err
    assert launcher.main(["test", "-k", "stone", "--help"]) == 0
    assert "relief test --matrix" in capsys.readouterr().out
    assert not launcher.TEST.folder.exists()


@pytest.fixture
def packing(launcher: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The launcher with pip and Blender's tool replaced; the tool notes the manifest and writes 3 kB a platform."""
    root = launcher.ROOT
    (root / "site/bpy/9/scripts/addons_core/bl_pkg/cli").mkdir(parents=True)
    (root / "site/bpy/9/scripts/addons_core/bl_pkg/cli/blender_ext.py").touch()
    (root / "requirements/run.txt").write_text("numpy==1\nopencv-python-headless==5.0\n")
    (root / "blender_manifest.toml").write_text('id = "stone"\n\n[permissions]\nfiles = "x"\n')
    for name in ("inference", "ui"):
        (root / name).mkdir()
    (root / "LICENSE").touch()

    def tool(environment: Any, words: list[str], quiet: bool) -> None:
        if "download" in words:
            Path(words[-1], f"cv-{words[-3]}.whl").touch()
        elif "build" in words:
            launcher.manifest = Path(words[words.index("--source-dir") + 1], "blender_manifest.toml").read_text()
            for name in ("a", "b"):
                Path(words[-1], f"stone-{name}.zip").write_bytes(bytes(3000))

    monkeypatch.setattr(launcher, "prepare", lambda environment: None)
    monkeypatch.setattr(launcher, "ask", lambda python: ("3.11", str(root / "site")))
    monkeypatch.setattr(launcher, "run_logged", tool)
    return launcher


def test_package_puts_the_wheels_into_the_manifest_and_leaves_the_zips_alone(packing: Any) -> None:
    assert packing.main(["package", "linux-x64", "windows-x64", "--output", str(packing.ROOT / "made")]) == 0
    assert tomllib.loads(packing.manifest) == {
        "id": "stone",
        "platforms": ["linux-x64", "windows-x64"],
        "wheels": ["./wheels/cv-manylinux_2_28_x86_64.whl", "./wheels/cv-win_amd64.whl"],
        "permissions": {"files": "x"},
    }
    assert sorted(path.name for path in (packing.ROOT / "made").iterdir()) == ["stone-a.zip", "stone-b.zip"]


def test_package_is_for_all_who_may_read_the_folder(packing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows a file that is moved keeps the rights of the folder that it was made in."""
    modes = []
    monkeypatch.setattr(packing, "copy_shipped", lambda source: modes.append(source.parent.stat().st_mode))
    (packing.ROOT / "usual").mkdir()
    with pytest.raises(FileNotFoundError):
        packing.package([])
    assert modes == [(packing.ROOT / "usual").stat().st_mode]
    assert list((packing.ROOT / "dist").iterdir()) == []


def test_git_ignores_what_the_commands_of_the_readme_write() -> None:
    written = set(re.findall(r"--(?:output|run) (\w+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"library", "mean", "out", "runs"} <= written
    assert {f"{folder}/" for folder in written} <= set((ROOT / ".gitignore").read_text().split())


def test_package_takes_no_leftovers_and_no_weights_but_those_described(
    packing: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = packing.ROOT / "inference"
    for name in ("photo.py", "photo.py.orig", "photo.py~", ".photo.py.swp"):
        (folder / name).touch()
    (folder / ".#photo.py").symlink_to("nobody@nowhere")
    (folder / "__pycache__").mkdir()
    packing.copy_shipped(tmp_path)
    assert [path.name for path in (tmp_path / "inference").iterdir()] == ["photo.py"]
    (folder / "relief.pt.gz").write_bytes(b"half")
    (folder / "weights.json").write_text(json.dumps({"sha256": {"relief.pt.gz": "0" * 64}}))
    assert packing.main(["package"]) == 1
    assert (
        "relief.pt.gz is not the one that weights.json describes. Export the weights anew." in capsys.readouterr().err
    )


def test_package_too_large_is_not_kept(packing: Any, capsys: pytest.CaptureFixture[str]) -> None:
    packing.ZIP_MB = 0.002
    assert packing.main(["package"]) == 1
    assert "stone-a.zip has 0.0 MB; it may have 0.002" in capsys.readouterr().err
    assert list((packing.ROOT / "dist").iterdir()) == []


def test_package_into_what_is_no_folder(packing: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (packing.ROOT / "notes").write_text("mine")
    assert packing.main(["package", "--output", str(packing.ROOT / "notes/dist")]) == 1
    told = capsys.readouterr().err
    assert "Mend that and run again." in told and "notes" in told and "Traceback" not in told


def test_package_for_a_platform_that_is_none(packing: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        packing.main(["package", "linux-arm64"])
    assert ended.value.code == 2 and "linux-x64, macos-arm64, windows-x64" in capsys.readouterr().err
    assert not (packing.ROOT / "dist").exists()


@pytest.mark.parametrize(
    ("body", "passed", "words"),
    [
        ("assert 1", True, "1 passed, 0 failed, 0 skipped"),
        ("assert 0", False, "0 passed, 1 failed, 0 skipped"),
        ("import pytest; pytest.skip('later')", False, "0 passed, 0 failed, 1 skipped"),
        ("import os; os._exit(9)", False, "stopped before its end, exit code 9"),
    ],
)
def test_result_line_of_a_version(launcher: Any, body: str, passed: bool, words: str) -> None:
    class Here(launcher.Environment):  # type: ignore[misc]
        python = Path(sys.executable)

    here = Here(launcher.ROOT, launcher.RUN.layers)
    here.stamp(here.layers[0]).write_text(json.dumps({"python": "3.11", "distributions": ["bpy-4.2.0.dist-info"]}))
    (launcher.ROOT / "tests").mkdir()
    (launcher.ROOT / "tests" / "test_one.py").write_text(f"def test_one():\n    {body}\n")
    (launcher.ROOT / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib --confcutdir=tests\n")
    result = launcher.run_tests(here, "tests")
    assert result.passed is passed
    assert (result.blender, result.python) == ("bpy 4.2.0", "3.11")
    assert result.line.startswith(f"tests in bpy 4.2.0, Python 3.11: {words}")


def test_every_other_blender_gets_its_line(
    launcher: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepare(environment: Any) -> None:
        if environment.folder.name == ".venv-bpy-4.2":
            raise launcher.SetupError("No network.")

    monkeypatch.setattr(launcher, "prepare", prepare)
    monkeypatch.setattr(launcher, "find_python", lambda versions: "python3.11" if (3, 11) in versions else None)
    monkeypatch.setattr(
        launcher,
        "run_tests",
        lambda environment, folder: launcher.Result(True, "bpy", "3.11", f"{environment.folder.name} {folder}"),
    )
    assert launcher.test([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "relief test: .venv tests/unit",
        "relief test: .venv tests/blender",
        "relief test: bpy-4.2: not run. No network.",
        "relief test: .venv-bpy-5.0 tests/blender",
        "relief test: bpy-5.2: not run, it needs Python 3.13, which is not here",
    ]


def test_matrix_notes_each_version_that_ran_in_the_readme(
    launcher: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {".venv": "bpy 4.5.15", ".venv-bpy-4.2": "bpy 4.2.23", ".venv-bpy-5.0": "bpy 5.0.1"}

    def run_tests(environment: Any, folder: str) -> Any:
        name = names[environment.folder.name]
        return launcher.Result(True, name, "3.11", f"{folder} in {name}, Python 3.11: 97 passed, 0 failed in 80 s")

    monkeypatch.setattr(launcher, "prepare", lambda environment: None)
    monkeypatch.setattr(launcher, "find_python", lambda versions: "python3.11" if (3, 11) in versions else None)
    monkeypatch.setattr(launcher, "run_tests", run_tests)
    table = "| Blender | Python | outcome |\n|---|---|---|\n| bpy 4.2.23 | 3.11 | old |\n| bpy 5.2.3 | 3.13 | old |\n"
    readme = launcher.ROOT / "README.md"
    readme.write_text(f"before\n<!-- versions -->\n{table}<!-- end of versions -->\nafter\n", encoding="utf-8")
    assert launcher.test(["--matrix"]) == 0
    assert capsys.readouterr().out.count("97 passed") == 3
    rows = [f"| {name} | 3.11 | 97 passed, 0 failed |" for name in ("bpy 4.2.23", "bpy 4.5.15", "bpy 5.0.1")]
    assert readme.read_text(encoding="utf-8").splitlines() == [
        "before", "<!-- versions -->", "| Blender | Python | outcome |", "|---|---|---|",
        *rows, "| bpy 5.2.3 | 3.13 | old |", "<!-- end of versions -->", "after",
    ]  # fmt: skip


@pytest.fixture
def walking(launcher: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The launcher with a zip in dist and a Blender that walks two steps."""
    platform = {"darwin": "macos_arm64", "win32": "windows_x64"}.get(sys.platform, "linux_x64")
    (launcher.ROOT / "dist").mkdir()
    launcher.zip = launcher.ROOT / "dist" / f"stone-1-{platform}.zip"
    launcher.zip.touch()
    blender = tmp_path / "blender"
    blender.write_text("#!/bin/sh\necho walk: Blender 5.2.2 3.14\necho walk: install passed\necho $SAID\n")
    blender.chmod(0o755)
    monkeypatch.setenv("BLENDER", str(blender))
    monkeypatch.setenv("SAID", "walk: done")
    return launcher


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for Blender is a shell script")
def test_a_walk_passes_unless_blender_says_otherwise(
    walking: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert walking.test(["--window"]) == 0
    assert "walk: install passed" in capsys.readouterr().out
    assert not walking.TEST.folder.exists()
    # A Blender whose script never ran, or stopped at some step, ends with 0 too.
    for said in ("Traceback (most recent call last): walk: done", "", "walk: refine passed"):
        monkeypatch.setenv("SAID", said)
        assert walking.test(["--window"]) == 1


def test_a_walk_says_what_it_lacks(
    walking: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.utime(walking.ROOT / "operators" / "command.py", (4e9, 4e9))
    assert walking.main(["test", "--window"]) == 1
    assert "is older than the extension's files: run relief package" in capsys.readouterr().err
    monkeypatch.setenv("BLENDER", str(walking.ROOT / "no-blender"))
    assert walking.main(["test", "--window"]) == 1
    assert "there is no Blender at" in capsys.readouterr().err
    walking.zip.unlink()
    assert walking.main(["test", "--window"]) == 1
    assert "there is no zip in dist" in capsys.readouterr().err
    monkeypatch.delenv("BLENDER")
    assert walking.main(["test", "--window"]) == 1
    assert "name a Blender in BLENDER, and a screen in DISPLAY" in capsys.readouterr().err
