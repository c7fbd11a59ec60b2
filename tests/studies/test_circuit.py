"""The study of the learning circuit: its options, its targets, and experiment 1."""

import numpy as np
import pytest
import xarray as xr
from brian2 import ms, us
from circuit_helpers import RECORDED, needs_recording, summary_of
from click.testing import CliRunner

from ebn_brian import devices
from ebn_brian.chips.circuit import SAMPLED, learning_circuit, sampled
from ebn_brian.dpi_model import experiment_1
from studies.circuit.command import main


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fit-fixed-synapse", "50"], "needs --experiment 2 and --reference"),
        (["--experiment", "2", "--fit-fixed-synapse", "50"], "needs --experiment 2 and --refer"),
        (["--experiment", "3"], "--experiment"),
        (["--fixed-synapse", "-1"], "--fixed-synapse"),
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
        lambda: learning_circuit(experiment_1(), onsets, 3, fixed="own", dt=50 * us), device
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
def test_experiment_1_against_the_recording(tmp_path):
    summary = summary_of(["--reference", str(RECORDED)], tmp_path)
    assert summary["nrmse"] <= 1e-3
    assert summary["decisions_equal"] == summary["decisions_total"] == 100
    assert summary["final_weight"] == summary["final_weight_reference"] == 0
    assert summary["weight_rmse_lsb"] == 0
    with xr.open_dataset(tmp_path / "data.nc") as data:
        assert data.I_mem.dims == ("time",)
        assert data.I_mem.attrs["units"] == "A"
        np.testing.assert_array_equal(data.decision, data.decision_reference)
    assert (tmp_path / "figure.png").stat().st_size > 20_000
