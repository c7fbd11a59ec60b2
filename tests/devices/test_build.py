"""Building: what is refused, where programs lie, and what is left behind."""

import os
import re
import shutil

import brian2
import numpy as np
import pytest
from brian2 import Network, NeuronGroup, ms, network_operation
from brian2.devices.device import get_device, runtime_device
from device_helpers import chips_network
from helpers import MISSING, TOOLKIT

from ebn_brian import devices


class TestBuild:
    def test_unknown_device(self):
        with pytest.raises(ValueError, match=r"device='tpu': must be one of .*cpp_standalone"):
            devices.build(lambda: pytest.fail("called"), "tpu")

    @pytest.mark.parametrize("missing", ["g++", "make"])
    def test_no_compiler(self, missing, tmp_path, monkeypatch):
        other = {"g++": "make", "make": "g++"}[missing]
        os.symlink(shutil.which(other), tmp_path / other)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(RuntimeError, match=rf"needs {re.escape(missing)}, not found on PATH"):
            devices.build(lambda: pytest.fail("called"), "cpp_standalone")
        program = devices.build(chips_network(1), "numpy")
        assert program.run(duration=1 * ms, read=["neurons.v"])["neurons.v"].any()

    def test_flags_are_strict(self, standalone):
        makefile = (standalone.directory / "makefile").read_text()
        assert "-ffp-contract=off" in makefile
        assert "fast-math" not in makefile
        assert standalone.flags == devices.STRICT_FLAGS

    def test_preferences_and_device_are_as_before(self, programs):
        flags = brian2.prefs["codegen.cpp.extra_compile_args_gcc"]
        assert list(flags) != list(devices.STRICT_FLAGS)
        assert brian2.prefs.codegen.target == "numpy"
        assert get_device() is runtime_device

    def assert_clean(self):
        assert get_device() is runtime_device
        group = NeuronGroup(1, "v : 1", name="afterwards")
        group.v = 3
        Network(group).run(1 * ms)
        assert list(group.v) == [3]

    def test_a_failed_compilation(self, fake_make, tmp_path):
        fake_make("echo no such header >&2; exit 2")
        flags = brian2.prefs["codegen.cpp.extra_compile_args_gcc"]
        with pytest.raises(RuntimeError, match=r"does not compile \(make in .*: no such header"):
            devices.build(chips_network(1), "cpp_standalone", tmp_path / "folder")
        self.assert_clean()
        assert brian2.prefs["codegen.cpp.extra_compile_args_gcc"] == flags

    def test_a_network_that_cannot_be_made(self):
        with pytest.raises(ZeroDivisionError):
            devices.build(lambda: 1 / 0, "cpp_standalone")
        self.assert_clean()

    def test_temporary_folders_go_with_the_program(self, fake_make):
        fake_make("touch main")
        programs = [devices.build(chips_network(1), "cpp_standalone") for _ in range(2)]
        one, other = (program.directory for program in programs)
        assert one != other
        assert (one / "main").exists()
        assert (other / "main").exists()
        del programs
        assert not one.exists()
        assert not other.exists()

    def test_a_folder_of_the_user_stays(self, fake_make, tmp_path, monkeypatch):
        fake_make("touch main")
        monkeypatch.chdir(tmp_path)
        program = devices.build(chips_network(1), "cpp_standalone", "new/folder")
        assert program.directory == tmp_path / "new" / "folder"
        del program
        assert (tmp_path / "new" / "folder" / "main").exists()

    def test_a_second_program_leaves_the_first_alone(self, fake_make, tmp_path):
        fake_make("touch main")
        made = [devices.build(chips_network(1), "cpp_standalone", tmp_path / "x") for _ in range(3)]
        top = tmp_path / "x"
        assert [p.directory for p in made] == [top, top / "program_2", top / "program_3"]
        assert all((p.directory / "main").exists() for p in made)

    def test_a_failed_program_does_not_keep_its_folder(self, fake_make, tmp_path):
        fake_make(f"cp {tmp_path}/ready main")
        with pytest.raises(RuntimeError, match="does not compile"):
            devices.build(chips_network(1), "cpp_standalone", tmp_path / "x")
        (tmp_path / "ready").touch()
        program = devices.build(chips_network(1), "cpp_standalone", tmp_path / "x")
        assert program.directory == tmp_path / "x"

    @pytest.mark.parametrize("device", ["numpy", "cpp_standalone"])
    def test_compile_only(self, device, fake_make):
        fake_make("touch main")
        with devices.compile_only():
            program = devices.build(chips_network(1), device)
            with pytest.raises(ValueError, match="no such variable"):
                program.run({"neurons.nothing": 1}, duration=1 * ms)
            with pytest.raises(devices.CompiledOnly):
                program.run(duration=1 * ms)

    @pytest.mark.parametrize(
        ("precision", "device", "message"),
        [
            ("half", "numpy", "must be one of double"),
            ("single_arithmetic", "numpy", "cpp_fused"),
            ("double_fast", "cpp_standalone", "cpp_fused"),
        ],
    )
    def test_unknown_precision(self, precision, device, message):
        with pytest.raises(ValueError, match=rf"precision='{precision}': .*{message}"):
            devices.build(chips_network(1), device, precision=precision)

    @pytest.mark.parametrize(
        ("precision", "device"), [("single", "numpy"), ("single_arithmetic", "cpp_fused")]
    )
    def test_single_precision(self, precision, device, on_numpy):
        program = devices.build(chips_network(), device, precision=precision)
        run = program.run(duration=100 * ms, read=["neurons.v", "spikes.t", "neurons.tau_m"])
        assert run["neurons.v"].dtype == np.float32
        n_spikes = (on_numpy["spikes.t"] < 0.1).sum()
        assert len(run["spikes.t"]) == pytest.approx(n_spikes, rel=0.03)

    def test_double_fast(self, on_numpy):
        """As many spikes, and no subnormal numbers, which strict arithmetic keeps."""
        fast = devices.build(chips_network(), precision="double_fast")
        n_spikes = (on_numpy["spikes.t"] < 0.1).sum()
        run = fast.run(duration=100 * ms, read=["spikes.t", "neurons.v"])
        assert run["neurons.v"].dtype == np.float64
        assert len(run["spikes.t"]) == pytest.approx(n_spikes, rel=0.03)

    def test_subnormal_numbers(self):
        def silent():
            model = "dx/dt = -x/tau : 1\ntau : second (constant)"
            neurons = NeuronGroup(3, model, threshold="x > 1", reset="", method="euler", name="a")
            neurons.x, neurons.tau = [1e-310, 1e-3, 0.5], 1 * ms
            return Network(neurons)

        strict, fast = (
            devices.build(silent, precision=precision).run(duration=1 * ms, read=["a.x"])["a.x"]
            for precision in ("double", "double_fast")
        )
        assert 0 < strict[0] < 1e-310
        assert fast[0] == 0
        np.testing.assert_allclose(fast[1:], strict[1:], rtol=1e-12)


class TestOptions:
    """Options of one target are refused on the others, before the network is made."""

    @pytest.mark.parametrize(
        ("device", "options", "message"),
        [
            ("numpy", {"flags": ("-O2",)}, r"flags=\('-O2',\): only cpp_fused and cpp_standalone"),
            ("cpp_fused", {"profile": True}, "profile=True: needs device='cuda_standalone'"),
            ("numpy", {"profile": True}, "profile=True: needs device='cuda_standalone'"),
        ],
    )
    def test_refused(self, device, options, message):
        with pytest.raises(ValueError, match=message):
            devices.build(lambda: pytest.fail("called"), device, **options)

    def test_flags_in_one_text(self):
        with pytest.raises(TypeError, match="flags='-O2': must be a tuple of flags"):
            devices.build(lambda: pytest.fail("called"), "cpp_fused", flags="-O2")

    @pytest.mark.parametrize("device", ["cpp_fused", "cpp_standalone"])
    def test_flags(self, device, fake_make):
        fake_make("touch main")
        flags = ("-O2", "-std=c++17")
        program = devices.build(chips_network(1), device, flags=flags)
        assert program.flags == flags
        assert "-O2 -std=c++17" in (program.directory / "makefile").read_text()


@pytest.mark.parametrize("device", ["cpp_standalone", "cpp_fused", "cuda_standalone"])
def test_network_operations_are_refused(device):
    def make_network():
        @network_operation(name="operation")
        def operation():
            pytest.fail("ran")

        return Network(NeuronGroup(1, "v : 1"), operation)

    if device == "cuda_standalone" and TOOLKIT is None:
        pytest.skip(MISSING)
    with pytest.raises(ValueError, match=rf"'operation' is a network operation.*{device}"):
        devices.build(make_network, device)
