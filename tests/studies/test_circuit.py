"""The study of the learning circuit: its options, its targets, and experiment 1."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from brian2 import ms, us
from circuit_helpers import RECORDED, needs_recording, summary_of
from click.testing import CliRunner

from ebn_brian import devices
from ebn_brian.chips.circuit import DT, SAMPLED, learning_circuit, sampled
from ebn_brian.dpi_model import experiment_1
from studies.circuit.command import main


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fit-fixed-synapse", "50"], "needs --experiment 2 and --reference"),
        (["--experiment", "2", "--fit-fixed-synapse", "50"], "needs --experiment 2 and --refer"),
        (["--experiment", "3"], "--experiment"),
        (["--fixed-synapse", "-1"], "--fixed-synapse"),
        (["--fixed-synapse", "0"], "--fixed-synapse"),
        (["--precision", "single_arithmetic", "--device", "numpy"], "needs --device cpp_fused"),
        (["--experiment", "2", "--fixed-synapse", "nan"], "not a finite number"),
        (["--circuits", "0"], "--circuits"),
        (["--reference", "/nowhere"], "cannot be read"),
        (["--parameters", "/nowhere"], "--parameters"),
        (["--device", "abacus"], "device='abacus'"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_built(tmp_path, arguments, says):
    result = CliRunner().invoke(main, ["--out", str(tmp_path), *arguments])
    assert result.exit_code != 0
    assert says in result.output
    assert not list(tmp_path.iterdir())


def trace(device: str) -> dict[str, np.ndarray]:
    """40 ms of three circuits with a fixed synapse of another strength each."""
    onsets = 4e-3 + 5e-3 * np.arange(7)
    program = devices.build(
        lambda: learning_circuit(experiment_1(), onsets, 3, fixed=True, dt=50 * us), device
    )
    values = {"fixed.w": np.array([0.0, 4.5, 12.0])}
    run = program.run(values, duration=40 * ms, read=list(SAMPLED.values()))
    return sampled(run, 3)


@pytest.mark.slow
def test_targets_agree_to_the_last_bit():
    expected = trace("numpy")
    assert expected["code"][-1, 0] > expected["code"][-1, 2]  # the runs differ
    for device in ("cython", "cpp_standalone", "cpp_fused"):
        samples = trace(device)
        for name, values in expected.items():
            np.testing.assert_array_equal(samples[name], values, err_msg=f"{device}: {name}")


@needs_recording
@pytest.mark.parametrize("experiment", [1, 2])
def test_experiments_against_their_recordings(tmp_path, experiment):
    """One set of parameters, both experiments."""
    options = ["--experiment", str(experiment), "--reference", str(RECORDED)]
    summary = summary_of(options, tmp_path)
    assert summary["nrmse"] <= 1e-3
    assert summary["decisions_equal"] == summary["decisions_total"] == 100
    assert (
        summary["final_weight"] == summary["final_weight_reference"] == {1: 0, 2: -26}[experiment]
    )
    assert summary["weight_rmse_lsb"] == 0
    with xr.open_dataset(tmp_path / "data.nc") as data:
        assert data.I_mem.dims == ("time",)
        assert data.I_mem.attrs["units"] == "A"
        np.testing.assert_array_equal(data.decision, data.decision_reference)
    assert (tmp_path / "figure.png").stat().st_size > 20_000


@needs_recording
@pytest.mark.slow
def test_both_experiments_in_one_figure(tmp_path):
    summary = summary_of(["--experiment", "both", "--reference", str(RECORDED)], tmp_path)
    assert (summary["final_weight_1"], summary["final_weight_2"]) == (0, -26)
    with xr.open_dataset(tmp_path / "data.nc") as data:
        assert data.I_mem_1.dims == ("time_1",)
        assert data.decision_2.dims == ("pulse_2",)
    assert (tmp_path / "figure.png").stat().st_size > 60_000


@pytest.mark.slow
@pytest.mark.parametrize(("width", "bound"), [(1 * ms, 1e-4), (1.013 * ms, 2e-4)])
def test_the_step_is_short_enough(width, bound):
    """Against a fifth of it, of the range: pulses on its grid, and pulses beside it."""
    circuit, onsets = replace(experiment_1(), width=width), 4e-3 + 5e-3 * np.arange(7)
    ends = []
    for dt in (DT, DT / 5):
        program = devices.build(lambda dt=dt: learning_circuit(circuit, onsets, dt=dt))
        run = program.run(duration=40 * ms, read=list(SAMPLED.values()))
        ends.append(sampled(run)["I_mem"][:, 0])
    assert np.abs(ends[0] - ends[1]).max() < bound * np.ptp(ends[0])


@pytest.mark.slow
def test_single_arithmetic_decides_the_same(tmp_path):
    """And differs by less than 1e-4 of the range: it takes the compiler's vector math library."""
    traces = []
    for precision in ("double", "single_arithmetic"):
        summary = summary_of(["--precision", precision, "--circuits", "16"], tmp_path)
        assert summary["final_weight"] == 0
        with xr.open_dataset(tmp_path / "data.nc") as data:
            traces.append((data.I_mem.values, data.decision.values))
    np.testing.assert_array_equal(traces[0][1], traces[1][1])
    apart = np.abs(traces[0][0] - traces[1][0])
    assert apart.max() < 1e-4 * np.ptp(traces[0][0])
