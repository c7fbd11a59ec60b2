"""Programs: built once, run many times, the same on every target, and nothing lost in silence."""

import logging
import os
import pickle
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, Synapses, TimedArray, ms, mV, second
from brian2.devices.device import get_device, runtime_device
from brian2.utils.logger import catch_logs
from click.testing import CliRunner

from ebn_brian import balance, devices, signals
from ebn_brian.devices.cuda import CudaProgram
from ebn_brian.equations import lif
from ebn_brian.network import V_UNIT, lif_chips
from ebn_brian.plasticity import DiscreteRule

N_STEPS, N_NOISY = 3000, 200
DURATION = N_STEPS * 0.1 * ms
RULE = DiscreteRule(0.04 * V_UNIT, 2.5, 0.25 * V_UNIT)
ENOUGH = ["spikes.i", "spikes.t", "recurrent.w", "neurons.v"]


def chips_network(n_chips: int = 20, extra: bool = False, **options):
    """What makes the first `n_chips` of a batch of learning chips with noise for input."""

    def make_network() -> Network:
        c = signals.smoothed_noise(DURATION, 2, seed=3)
        drive = TimedArray(c, 0.1 * ms, name="drive")
        D = balance.random_decoder(2, 20, 1, n_chips=n_chips)
        Omega = balance.random_weights(n_chips, 20, 1)
        chips = lif_chips(D, Omega, drive, rule=RULE, **options)
        chips.neurons.clock.dt = 0.1 * ms
        more = [noisy_neurons(drive)] if extra else []
        return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"), more)

    return make_network


def noisy_neurons(drive: TimedArray) -> NeuronGroup:
    """LIF neurons with noise of their own, and variables of every type."""
    neurons = NeuronGroup(
        N_NOISY,
        lif.model(1, greedy=False, noise=True) + "whole : integer\nflag : boolean\n",
        threshold=lif.CANDIDATE,
        reset=lif.RESETS["absolute"][0],
        method="euler",
        namespace={"drive": drive},
        name="noisy",
    )
    neurons.tau_m, neurons.sigma, neurons.v_th = 50 * ms, 1 * mV, 1000 * mV
    return neurons


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The same network for both targets; C++ in a folder of the user's, with a space in it."""
    make_network = chips_network(extra=True)
    folder = tmp_path_factory.mktemp("of the user") / "program"
    return {
        "numpy": devices.build(make_network, "numpy"),
        "cpp_standalone": devices.build(make_network, "cpp_standalone", folder),
    }


@pytest.fixture(params=["numpy", "cpp_standalone"])
def program(request, programs):
    return programs[request.param]


@pytest.fixture
def standalone(programs):
    return programs["cpp_standalone"]


def assert_same(one: devices.Run, other: devices.Run, names=ENOUGH) -> None:
    for name in names:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture(scope="module")
def on_numpy(programs):
    """A long run, to compare with."""
    return programs["numpy"].run(duration=DURATION, read=ENOUGH)


class TestEquality:
    """Noise-free chips have the same spikes and weights to the last bit."""

    def test_cpp_standalone(self, standalone, on_numpy):
        assert len(on_numpy["spikes.i"]) > 2000
        run = standalone.run(duration=DURATION, read=ENOUGH)
        assert_same(run, on_numpy)
        assert not np.array_equal(
            run["recurrent.w"], standalone.run(duration=1 * ms, read=ENOUGH)["recurrent.w"]
        )

    @staticmethod
    def assert_same_first_chip(one, other):
        first = [
            (
                run["spikes.i"][run["spikes.i"] < 20],
                run["spikes.t"][run["spikes.i"] < 20],
                run["recurrent.w"][: 20 * 19],
                run["neurons.v"][:20],
            )
            for run in (one, other)
        ]
        for ours, theirs in zip(*first, strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_a_chip_alone(self, on_numpy):
        alone = devices.build(chips_network(1), "numpy").run(duration=DURATION, read=ENOUGH)
        self.assert_same_first_chip(alone, on_numpy)

    @pytest.mark.slow
    @pytest.mark.parametrize("n_chips", [1, 1000])
    def test_batches(self, n_chips, on_numpy):
        """One chip, and a thousand, beside the 20 of all other tests."""
        program = devices.build(chips_network(n_chips), "cpp_standalone")
        batch = program.run(duration=DURATION, read=ENOUGH)
        assert len(batch["neurons.v"]) == 20 * n_chips
        self.assert_same_first_chip(batch, on_numpy)

    @pytest.mark.slow
    def test_cython(self, on_numpy):
        program = devices.build(chips_network(), "cython")
        assert_same(program.run(duration=DURATION, read=ENOUGH), on_numpy)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "options",
        [{"synapse": "exponential"}, {"reset": "subtractive", "greedy": False}],
        ids=str,
    )
    def test_variants(self, options):
        runs = [
            devices.build(chips_network(2, **options), device).run(duration=DURATION, read=ENOUGH)
            for device in ("numpy", "cpp_standalone")
        ]
        assert_same(*runs)


VALUES = {
    "neurons.F_0": np.linspace(-0.01, 0.01, 400),
    "neurons.tau_m": np.linspace(0.01, 0.1, 400),
    "neurons.v_th": np.linspace(0.01, 0.02, 400),
    "recurrent.step": 0.0003,
    "recurrent.dead_zone": 0.001,
    "recurrent.kappa": 1.5,
    "recurrent.plastic": 0.0,
    "recurrent.gain": np.linspace(0.5, 1.5, 20 * 380),
    "noisy.sigma": np.linspace(0, 0.01, N_NOISY),
    "noisy.whole": np.linspace(-(2**31), 2**31 - 1, N_NOISY).astype(int),
    "noisy.flag": np.arange(N_NOISY) % 3 == 0,
}


class TestRuns:
    def test_each_starts_from_the_built_state(self, program):
        plain = program.run(duration=5 * ms, read=ENOUGH)
        other = program.run(
            {"neurons.v": np.linspace(0, 0.02, 400), "recurrent.w": np.zeros(20 * 380)},
            duration=7 * ms,
            read=ENOUGH,
        )
        assert not np.array_equal(plain["neurons.v"], other["neurons.v"])
        assert_same(program.run(duration=5 * ms, read=ENOUGH), plain)

    def test_values_arrive_whatever_their_type(self, program):
        before = program.run(duration=1 * ms, read=list(VALUES))
        run = program.run(VALUES, duration=1 * ms, read=list(VALUES))
        for name, value in VALUES.items():
            assert not np.array_equal(before[name], np.broadcast_to(value, before[name].shape))
            np.testing.assert_array_equal(run[name], np.broadcast_to(value, run[name].shape), name)

    @pytest.mark.parametrize("w", [3, -0.1, 1e-300, np.float32(2.5), True])
    def test_a_number_fills_synapses_too(self, program, w):
        run = program.run(
            {"recurrent.w": w, "recurrent.plastic": 0, "neurons.v": 5 * mV},
            duration=1 * ms,
            read=["recurrent.w"],
        )
        np.testing.assert_array_equal(run["recurrent.w"], np.full(20 * 380, float(w)))

    def test_a_seed_of_the_environment_is_not_taken(self, program, monkeypatch):
        monkeypatch.setenv("EBN_SEED", "7")
        one, other = (program.run(duration=1 * ms, read=["noisy.v"])["noisy.v"] for _ in "ab")
        assert not np.isin(one, other).any()

    def test_values_act(self, program):
        """Against the equation of the membrane: leak, input and length of the run."""
        c = np.zeros((N_STEPS, 2))
        c[:10] = [100.0, -50.0]
        F = np.linspace(-0.01, 0.01, 400)
        values = {
            "drive.values": c,
            "neurons.v": np.linspace(-0.01, 0.01, 400),
            "neurons.F_0": F,
            "neurons.F_1": F[::-1],
            "neurons.tau_m": 0.02,
            "neurons.v_th": 1.0,
        }
        run = program.run(values, duration=1.5 * ms, read=["neurons.v", "spikes.t"])
        v = values["neurons.v"]
        for k in range(15):
            v = v + 1e-4 * (-v / 0.02 + F * c[k, 0] + F[::-1] * c[k, 1])
        np.testing.assert_allclose(run["neurons.v"], v, rtol=0, atol=1e-15)
        assert len(run["spikes.t"]) == 0

    def test_weights_act(self, program):
        values = {
            "neurons.v": np.where(np.arange(400) == 3, 0.02, 0.0),
            "recurrent.w": np.arange(20 * 380) % 11,
            "recurrent.plastic": 0,
            "drive.values": 0,
        }
        run = program.run(values, duration=0.1 * ms, read=["neurons.v"])
        expected = np.zeros(400)
        others = np.delete(np.arange(20), 3)
        expected[others] = 0.0004 * (np.arange(3 * 19, 4 * 19) % 11)
        expected[3] = 0.0025
        np.testing.assert_allclose(run["neurons.v"], expected, atol=1e-15)

    def test_any_memory_layout(self, program):
        v = np.linspace(0, 0.01, 800)[::2]
        c = np.asfortranarray(signals.smoothed_noise(DURATION, 2, 8))
        one = program.run({"neurons.v": v, "drive.values": c}, duration=1 * ms, read=ENOUGH)
        values = {"neurons.v": v.copy().reshape(20, 20), "drive.values": np.ascontiguousarray(c)}
        assert_same(program.run(values, duration=1 * ms, read=ENOUGH), one)

    def test_the_given_arrays_are_left_alone(self, program):
        values = {"neurons.v": np.full(400, 0.01), "drive.values": np.full((N_STEPS, 2), 100.0)}
        run = program.run(values, duration=1 * ms, read=ENOUGH)
        kept = run["neurons.v"].copy()
        program.run(duration=2 * ms, read=ENOUGH)
        assert (values["neurons.v"] == 0.01).all()
        assert (values["drive.values"] == 100.0).all()
        np.testing.assert_array_equal(run["neurons.v"], kept)

    def test_seeds(self, program):
        def noise(seed):
            return program.run(duration=1 * ms, seed=seed, read=["noisy.v"])["noisy.v"]

        first = noise(7)
        assert len(set(first)) == N_NOISY
        np.testing.assert_array_equal(noise(7), first)
        np.testing.assert_array_equal(noise(np.int64(7)), first)
        assert not np.isin(noise(8), first).any()
        assert not np.isin(noise(None), noise(None)).any()

    def test_noise_has_its_size(self, program):
        """After 2 ms: that of a random walk, a little less for the leak."""
        v = program.run(duration=2 * ms, seed=1, read=["noisy.v"])["noisy.v"]
        expected = 1e-3 * np.sqrt(2 * 2 / 50) * (1 - 2 / 50 / 2)
        assert np.std(v) == pytest.approx(expected, rel=5 / np.sqrt(2 * N_NOISY))

    def test_cost_is_counted(self, program):
        run = program.run(duration=50 * ms)
        assert run.stepping_seconds > 0
        assert run.cpu_seconds > 0
        if not isinstance(program, CudaProgram):  # there the steps cost time, not CPU time
            assert run.stepping_seconds <= run.cpu_seconds + 0.01
        if isinstance(program, devices.StandaloneProgram):
            assert 1e6 < run.peak_bytes < 1e10


class TestWrongInput:
    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("neurons.v", np.zeros(399), "'neurons.v' has 399 values.* 400"),
            ("neurons.v", np.zeros((20, 21)), "'neurons.v' has 420 values.* 400"),
            ("neurons.v", [], "'neurons.v' has 0 values.* 400"),
            ("drive.values", np.zeros((N_STEPS, 3)), "'drive.values' has 9000 values.* 6000"),
            ("neurons.v", np.nan, "'neurons.v' has values that are not finite"),
            ("neurons.v", np.full(400, np.inf), "'neurons.v' has values that are not finite"),
            ("drive.values", np.nan, "'drive.values' has values that are not finite"),
            ("recurrent.step", -np.inf, "'recurrent.step' has values that are not finite"),
            ("neurons.nothing", 1, "'neurons.nothing': .*no such variable"),
            ("nothing.v", 1, "'nothing.v': .*no such variable"),
            ("neurons", 1, "'neurons': .*no such variable"),
            ("", 1, "'': .*no such variable"),
            ("neurons.i", np.zeros(400), "'neurons.i': cannot be set"),
            ("spikes.t", np.zeros(3), "'spikes.t': cannot be set"),
        ],
    )
    def test_values(self, program, name, value, message):
        with pytest.raises(ValueError, match=message):
            program.run({"recurrent.plastic": 0, name: value}, duration=1 * ms)

    def test_weights_of_the_wrong_number(self, program):
        with pytest.raises(ValueError, match=r"'recurrent\.w' has 7 values.* 7600"):
            program.run({"recurrent.w": np.zeros(7)}, duration=1 * ms)

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("neurons.v", 3 * second, r"'neurons\.v' is given in s: the program holds V"),
            ("recurrent.w", 3 * mV, r"'recurrent\.w' is given in V: the program holds 1"),
            ("drive.values", 3 * mV, r"'drive\.values' is given in V: the program holds Hz"),
            ("noisy.whole", 0.5, "do not fit: the program holds int32"),
            ("noisy.whole", 2**31, "do not fit: the program holds int32"),
        ],
    )
    def test_values_that_do_not_fit(self, program, name, value, message):
        with pytest.raises(ValueError, match=message):
            program.run({name: value}, duration=1 * ms)

    @pytest.mark.parametrize("name", ["neurons.nothing", "nothing.v", "v", ""])
    def test_names_to_read(self, program, name):
        with pytest.raises(ValueError, match=f"'{name}': .*no such variable"):
            program.run(duration=1 * ms, read=[name])

    @pytest.mark.parametrize("duration", [0 * ms, -1 * ms, np.nan * ms, np.inf * ms, 1 * mV, 5])
    def test_durations(self, program, duration):
        with pytest.raises(ValueError, match=r"duration=.*must be a time above zero"):
            program.run(duration=duration)

    @pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "a"])
    def test_seeds(self, program, seed):
        with pytest.raises(ValueError, match=r"seed=.*must be a whole number from 0"):
            program.run(duration=1 * ms, seed=seed)

    def test_the_program_lives_on(self, program):
        plain = program.run(duration=1 * ms, read=ENOUGH)
        with pytest.raises(ValueError, match="finite"):
            program.run({"recurrent.kappa": 7, "neurons.v": np.nan}, duration=1 * ms)
        assert_same(program.run(duration=1 * ms, read=ENOUGH), plain)


class TestAtOnce:
    """Runs of one program never disturb each other."""

    @staticmethod
    def values(k):
        return {"neurons.v": np.full(400, k * 1e-3), "recurrent.kappa": 1 + k / 10}

    def test_threads(self, standalone):
        def run(k):
            return standalone.run(
                self.values(k), duration=(5 + k) * ms, seed=k, read=[*ENOUGH, "noisy.v"]
            )

        with ThreadPoolExecutor(8) as pool:
            at_once = list(pool.map(run, range(16)))
        for k, result in enumerate(at_once):
            assert_same(run(k), result, [*ENOUGH, "noisy.v"])
        assert len({result["noisy.v"].tobytes() for result in at_once}) == 16
        assert not list(standalone.directory.glob("run_*"))

    def test_cpu_time_is_that_of_the_run_alone(self, tampered):
        """Others that run meanwhile are not counted in."""
        program = tampered(f"[ $EBN_DURATION = 0.001 ] && sleep 1; {RUN}")
        with ThreadPoolExecutor(4) as pool:
            short = pool.submit(program.run, duration=1 * ms)
            long = [pool.submit(program.run, duration=1 * second) for _ in range(3)]
        assert short.result().cpu_seconds < min(run.result().cpu_seconds for run in long) / 2

    def test_other_processes(self, standalone, tmp_path):
        """A pickled program runs in processes that have built nothing."""
        (tmp_path / "program.pkl").write_bytes(pickle.dumps(standalone))
        code = (
            "import pickle, sys, numpy as np; from brian2 import ms\n"
            "program = pickle.load(open('program.pkl', 'rb')); k = int(sys.argv[1])\n"
            "values = {'neurons.v': np.full(400, k*1e-3), 'recurrent.kappa': 1 + k/10}\n"
            "for _ in range(10):\n"
            "    run = program.run(values, duration=5*ms, read=['neurons.v'])\n"
            "    np.save(f'{k}.npy', run['neurons.v'])\n"
        )
        path = os.pathsep.join([str(Path(devices.__file__).parents[2]), *sys.path])
        other = subprocess.Popen(
            [sys.executable, "-c", code, "1"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}
        )
        here = [self.short(standalone, k) for k in (1, 2)]
        while other.poll() is None:
            np.testing.assert_array_equal(self.short(standalone, 2), here[1])
            time.sleep(0.05)
        assert other.returncode == 0
        np.testing.assert_array_equal(np.load(tmp_path / "1.npy"), here[0])
        assert standalone.directory.exists()

    def short(self, program, k):
        return program.run(self.values(k), duration=5 * ms, read=["neurons.v"])["neurons.v"]


@pytest.fixture
def tampered(standalone, tmp_path):
    """Makes a copy of the program that runs a shell script instead; ``$0.real`` is the program."""

    def tamper(script: str) -> devices.StandaloneProgram:
        folder = tmp_path / "copy"
        folder.mkdir()
        shutil.copy2(standalone.directory / "main", folder / "main.real")
        shutil.copytree(standalone.directory / "static_arrays", folder / "static_arrays")
        (folder / "main").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "main").chmod(0o755)
        return replace(standalone, directory=folder)

    return tamper


RUN = '"$0.real" "$@"'


def test_names_and_values_that_look_like_failures(tmp_path):
    """A pathway 'Error' that is told of, and a flag of all synapses that is no file 'False'."""

    def make_network():
        group = NeuronGroup(3, "v : 1", threshold="v > 1", reset="", name="neurons")
        synapses = Synapses(group, group, "flag : boolean", on_pre="v_post += 1", name="Error")
        synapses.connect()
        synapses.delay = "i*ms"
        synapses.flag = True
        return Network(group, synapses)

    program = devices.build(make_network, "cpp_fused", tmp_path)
    for flag in (False, True):
        with catch_logs(log_level=logging.INFO, only_from=["ebn_brian"]) as logs:
            run = program.run({"Error.flag": flag}, duration=1 * ms, read=["Error.flag"])
        assert (run["Error.flag"] == flag).all()
        assert len(run["Error.flag"]) == 9
        assert any("'Error_pre' have different delays" in text for _, _, text in logs)


class TestFailures:
    """A run that fails in any way raises; no array of another run is ever handed out."""

    def test_the_tampered_program_itself_is_sound(self, tampered, standalone):
        assert_same(
            tampered(RUN).run(duration=1 * ms, read=ENOUGH),
            standalone.run(duration=1 * ms, read=ENOUGH),
        )

    FAILURES = (
        (f"{RUN}; exit 5", "exit code 5"),
        ("kill -9 $$", "exit code -9"),
        ("kill -11 $$", "exit code -11"),
        (f"{RUN}; echo Error reading file >&2", "Error reading file"),
        (f"{RUN}; echo Could not open", "Could not open"),
        (f"{RUN}; truncate -s 80 $2/_array_neurons_v_*", r"'neurons\.v'.*10 of 400"),
        (f"{RUN}; truncate -s 0 $2/_array_neurons_v_*", r"'neurons\.v'.*0 of 400"),
        (f"{RUN}; rm $2/_array_neurons_v_*", r"'neurons\.v'.*0 of 400"),
        (f"{RUN}; truncate -s -8 $2/_dynamic_array_spikes_t_*", r"'spikes\.t'"),
        (f"{RUN}; truncate -s -8 $2/_dynamic_array_recurrent_w_*", r"'recurrent\.w'"),
        (f"truncate -s 80 $2/set_0; {RUN}", r"recurrent\.w was sent 80 bytes"),
        (f"rm $2/set_0; {RUN}", r"recurrent\.w was sent 0 bytes"),
        (f"truncate -s 3 $2/set_1; {RUN}", r"neurons\.v was sent 3"),
    )

    @pytest.mark.parametrize(
        ("script", "message"), FAILURES, ids=[s.replace(RUN, "run") for s, _ in FAILURES]
    )
    def test_failures_are_errors(self, tampered, script, message):
        values = {"recurrent.w": np.zeros(20 * 380), "neurons.v": np.full(400, 0.02)}
        program = tampered(script)
        with pytest.raises(RuntimeError, match=message):
            program.run(values, duration=10 * ms, read=ENOUGH)
        assert not list(program.directory.glob("run_*"))

    def test_a_program_that_hangs(self, tampered):
        program, begin = tampered("sleep 30 & wait"), time.perf_counter()
        with pytest.raises(TimeoutError, match="longer than 200"):
            program.run(duration=1 * ms, timeout=200 * ms)
        assert time.perf_counter() - begin < 20

    def test_a_run_in_this_process_has_no_timeout(self):
        program = devices.build(chips_network(1), "numpy")
        with pytest.raises(ValueError, match=r"timeout=.*must be None"):
            program.run(duration=1 * ms, timeout=1 * second)

    def test_a_long_run_is_ended_in_time(self, standalone):
        with pytest.raises(TimeoutError):
            standalone.run(duration=1e6 * second, timeout=300 * ms)
        assert not list(standalone.directory.glob("run_*"))


@pytest.fixture
def fake_tools(tmp_path, monkeypatch):
    """Stands a script in the place of make, so that builds take no time."""

    def use(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "make").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "make").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return use


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

    def test_a_failed_compilation(self, fake_tools, tmp_path):
        fake_tools("echo no such header >&2; exit 2")
        flags = brian2.prefs["codegen.cpp.extra_compile_args_gcc"]
        with pytest.raises(RuntimeError, match=r"does not compile \(make in .*: no such header"):
            devices.build(chips_network(1), "cpp_standalone", tmp_path / "folder")
        self.assert_clean()
        assert brian2.prefs["codegen.cpp.extra_compile_args_gcc"] == flags

    def test_a_network_that_cannot_be_made(self):
        with pytest.raises(ZeroDivisionError):
            devices.build(lambda: 1 / 0, "cpp_standalone")
        self.assert_clean()

    def test_temporary_folders_go_with_the_program(self, fake_tools):
        fake_tools("touch main")
        programs = [devices.build(chips_network(1), "cpp_standalone") for _ in range(2)]
        one, other = (program.directory for program in programs)
        assert one != other
        assert (one / "main").exists()
        assert (other / "main").exists()
        del programs
        assert not one.exists()
        assert not other.exists()

    def test_a_folder_of_the_user_stays(self, fake_tools, tmp_path, monkeypatch):
        fake_tools("touch main")
        monkeypatch.chdir(tmp_path)
        program = devices.build(chips_network(1), "cpp_standalone", "new/folder")
        assert program.directory == tmp_path / "new" / "folder"
        del program
        assert (tmp_path / "new" / "folder" / "main").exists()

    def test_a_second_program_leaves_the_first_alone(self, fake_tools, tmp_path):
        fake_tools("touch main")
        made = [devices.build(chips_network(1), "cpp_standalone", tmp_path / "x") for _ in range(3)]
        top = tmp_path / "x"
        assert [p.directory for p in made] == [top, top / "program_2", top / "program_3"]
        assert all((p.directory / "main").exists() for p in made)

    def test_a_failed_program_does_not_keep_its_folder(self, fake_tools, tmp_path):
        fake_tools("[ -e worked ] && touch main; touch worked; test -e main")
        with pytest.raises(RuntimeError, match="does not compile"):
            devices.build(chips_network(1), "cpp_standalone", tmp_path / "x")
        program = devices.build(chips_network(1), "cpp_standalone", tmp_path / "x")
        assert program.directory == tmp_path / "x"

    @pytest.mark.parametrize("device", ["numpy", "cpp_standalone"])
    def test_compile_only(self, device, fake_tools):
        fake_tools("touch main")
        with devices.compile_only():
            program = devices.build(chips_network(1), device)
            with pytest.raises(ValueError, match="no such variable"):
                program.run({"neurons.nothing": 1}, duration=1 * ms)
            with pytest.raises(devices.CompiledOnly):
                program.run(duration=1 * ms)

    @pytest.mark.parametrize(
        ("precision", "device", "message"),
        [("half", "numpy", "must be one of double"), ("single_arithmetic", "numpy", "cpp_fused")],
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


class TestMachine:
    """``python -m ebn_brian.devices``"""

    @staticmethod
    def invoke(*options):
        command = import_module("ebn_brian.devices.__main__").main
        return CliRunner().invoke(command, options)

    def test_it_tells_what_there_is(self):
        result = self.invoke("--list")
        assert result.exit_code == 0
        for text in ("Brian2:", brian2.__version__, "g++ (", "GNU Make", "CUDA:", "GPU:"):
            assert text in result.output
        assert "built" not in result.output

    def test_it_proves_a_target(self):
        result = self.invoke("--target", "numpy")
        assert result.exit_code == 0
        assert re.search(r"numpy +works: \d{3} spikes", result.output)

    def test_a_target_that_is_not_there(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        result = self.invoke("--target", "cpp_fused", "--target", "numpy")
        assert result.exit_code == 1
        assert re.search(r"cpp_fused +cannot be used: .*needs g\+\+ and make", result.output)
        assert re.search(r"numpy +works", result.output)
        assert "g++:         not found" in result.output

    def test_a_target_that_fails(self, fake_tools):
        fake_tools("echo no such header >&2; exit 2")
        result = self.invoke("--target", "cpp_standalone", "--target", "numpy")
        assert result.exit_code == 1
        assert re.search(r"cpp_standalone +FAILS: .*no such header", result.output)
        assert re.search(r"numpy +works", result.output)
