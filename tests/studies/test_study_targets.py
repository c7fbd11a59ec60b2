"""Every study on every target: it builds for a GPU without one, and refuses to begin to run."""

import math
import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers import needs_toolkit
from study_helpers import NAMES, ROOT, command

from ebn_brian import __main__ as ebn_command
from ebn_brian import devices
from ebn_brian.devices import cuda, standalone, toolkit
from ebn_brian.devices.resident import program as resident
from ebn_brian.dpi_model import experiment_1

#: Command lines of all studies, and how many programs each builds.
STUDIES = {
    "learning": 1,
    "learning --synapse exponential --reset subtractive": 1,
    "granularity": 1,
    "mismatch": 4,
    "sensitivity": 1,
    "rules": 3,
    "circuit_mismatch": 1,
    "circuit --experiment 1 --reference RECORDING": 1,
    "circuit --experiment 2": 1,
    "calibrate --reference RECORDING": 1,
    "characterise": 1,
    "chip": 1,
    "autoencoder": 1,
    "predictive_coding": 1,
    "delayed_xor": 1,
    "erbp --arm frozen": 2,
    f"design {ROOT / 'studies' / 'design' / 'example.toml'}": 1,
    "tradeoffs --knob noise": 2,
    "dynamics": 1,
    "dynamics --system bistable": 2,
    "neuron_loss": 1,
    "benchmark --target package_f64 --target cuda": 2,
}
each_study = pytest.mark.parametrize("study", STUDIES)


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """A recording of a circuit near its rest."""
    folder = tmp_path_factory.mktemp("recording")
    rest = float(experiment_1().I_ref)

    def current(k: int) -> float:
        return rest * (1 + 0.05 * math.sin(k / 20))

    trace = [f"{k * 5e-5:.6f},{current(k)},8" for k in range(400)]
    (folder / "sim1_50us.csv").write_text("\n".join(["t_s,I_mem_A,bit_value", *trace]))
    pulses = [f"{t / 1e3},{(t + 1) / 1e3},{current(20 * t)},HOLD" for t in (4, 9, 14)]
    (folder / "events_sim1.csv").write_text(
        "\n".join(["t_on_s,t_off_s,I_before_A,decision", *pulses])
    )
    return folder


@pytest.fixture
def invoke(recording):
    def invoke(study: str, *options):
        name, *own = study.replace("RECORDING", str(recording)).split()
        arguments = [*own, "--quick", *map(str, options)]
        return CliRunner().invoke(command(name), arguments, catch_exceptions=False)

    return invoke


@pytest.fixture
def compiled(monkeypatch) -> list[Path]:
    """Folders of programs whose code is written and not compiled."""
    folders: list[Path] = []
    compilers = ((standalone, "compile_cpp"), (cuda, "compile_by"), (resident, "compile_by"))
    for module, name in compilers:
        monkeypatch.setattr(module, name, lambda folder, *_: folders.append(folder))
    return folders


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch):
    for module in (cuda, toolkit):
        monkeypatch.setattr(module, "find_gpu", lambda: None)


def test_no_study_is_missing():
    """A study is a folder with ``__main__.py`` or a module with `main`; `lab` holds no command."""

    def has_command(name: str) -> bool:
        if (ROOT / "studies" / name).is_dir():
            return (ROOT / "studies" / name / "__main__.py").is_file()
        return hasattr(import_module(f"studies.{name}"), "main")

    names = [module.name for module in pkgutil.iter_modules([str(ROOT / "studies")])]
    assert "lab" in names
    commands = {name for name in names if has_command(name)}
    assert commands == {study.split()[0] for study in STUDIES} == set(NAMES)
    assert commands == set(ebn_command.studies())


class TestCompileOnly:
    @pytest.mark.parametrize(
        "device", ["cpp_fused", pytest.param("cuda_standalone", marks=needs_toolkit)]
    )
    @each_study
    def test_all_programs_and_nothing_else(self, study, device, invoke, compiled, tmp_path):
        """Results that are there stay as they are, and no program is run."""
        (tmp_path / "summary.json").write_text("of another run")
        result = invoke(study, "--compile-only", "--device", device, "--out", tmp_path)
        assert result.exit_code == 0
        assert "Building" in result.output
        assert "built and linked, not run (--compile-only)" in result.output
        assert len(compiled) == STUDIES[study]
        assert os.listdir(tmp_path) == ["summary.json"]
        assert (tmp_path / "summary.json").read_text() == "of another run"

    @pytest.mark.slow
    @needs_toolkit
    @each_study
    def test_nvcc(self, study, recording, tmp_path):
        """In a process of its own, as users do: nothing has loaded Brian2CUDA before."""
        name, *own = study.replace("RECORDING", str(recording)).split()
        options = ["--quick", "--compile-only", "--device", "cuda_standalone"]
        call = [sys.executable, "-m", f"studies.{name}", *own, *options, "--out", "x"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "built and linked, not run (--compile-only)" in done.stdout
        assert os.listdir(tmp_path) == []

    def test_in_this_process(self, invoke, tmp_path):
        result = invoke("mismatch", "--compile-only", "--device", "numpy", "--out", tmp_path)
        assert result.exit_code == 0
        assert os.listdir(tmp_path) == []

    def test_a_gpu_report_rehearses_instead(self, invoke, tmp_path):
        result = invoke("benchmark", "--compile-only", "--gpu-report", tmp_path / "x")
        assert result.exit_code == 2
        assert "leave --compile-only out" in result.output
        assert not (tmp_path / "x").exists()


@each_study
def test_no_gpu(study, invoke, compiled, tmp_path, monkeypatch):
    """Nothing is compiled for a GPU that is not there."""
    for module in (cuda, devices.toolkit):  # nothing may be said of a toolkit that is missing
        monkeypatch.setattr(module, "find_toolkit", lambda: None)
    monkeypatch.setattr(devices, "build", lambda *_: pytest.fail("builds"))
    result = invoke(study, "--device", "cuda_standalone", "--out", tmp_path / "x")
    assert result.exit_code == 2
    assert "this machine has no NVIDIA GPU" in result.output
    assert compiled == []
    assert not (tmp_path / "x").exists()
