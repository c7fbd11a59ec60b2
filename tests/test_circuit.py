"""The study of the learning circuit: recordings, comparison, and the two experiments."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from brian2 import ms, us
from click.testing import CliRunner

from ebn_brian import devices
from ebn_brian.dpi_model import experiment_1
from ebn_brian.dpi_network import SAMPLED, learning_circuit, sampled
from studies import circuit, circuit_reference

FOLDER = os.environ.get("EBN_REFERENCE", Path(__file__).parents[2] / "shared" / "reference")
RECORDED = Path(FOLDER) / "circuit"
needs_recording = pytest.mark.skipif(
    not (RECORDED / "sim1_50us.csv").exists(), reason="needs EBN_REFERENCE"
)

TRACE = "t_s,I_mem_A,bit_value,input\n" + "".join(f"{k * 5e-5:.6f},1e-9,8,0\n" for k in range(400))
EVENTS = (
    "t_on_s,t_off_s,I_before_A,weight_before,decision\n"
    "0.004,0.005,1e-9,8,INC\n0.009,0.010,9e-9,9,HOLD\n0.014,0.015,1e-8,9,DEC\n0.019,nan,9e-9,8,HOLD\n"
)


def written(folder: Path, trace=TRACE, events=EVENTS) -> Path:
    (folder / "sim1_50us.csv").write_text(trace)
    (folder / "events_sim1.csv").write_text(events)
    return folder


def test_recording_is_read(tmp_path):
    found = circuit_reference.read(written(tmp_path), 1)
    assert len(found.t) == 400
    assert found.width == pytest.approx(1e-3)
    np.testing.assert_array_equal(found.decision, [1, 0, -1, 0])
    assert len(found.until(0.01).onsets) == 2


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"trace": "nothing"}, "fewer than two rows"),
        ({"trace": TRACE.replace("I_mem_A", "I_A")}, "lacks the columns I_mem_A"),
        ({"trace": TRACE.replace("1e-9", "nan", 1)}, "I_mem_A holds values that are not finite"),
        ({"trace": TRACE.replace("1e-9", "high", 1)}, "I_mem_A holds something that is no number"),
        ({"trace": TRACE.replace("1e-9", "-1e-9", 1)}, "I_mem_A must lie between"),
        ({"trace": TRACE.replace("1e-9", "1.5", 1)}, "I_mem_A must lie between"),
        ({"trace": TRACE + "0.9,1e-9,8,0\n"}, "equal steps"),
        ({"trace": TRACE + "0.02,1e-9\n"}, "line 402 has 2 of 4"),
        ({"events": EVENTS.replace("DEC", "DOWN")}, "decision must be"),
        ({"events": EVENTS.replace("0.005", "0.0095")}, "one width"),
    ],
)
def test_bad_recordings_are_refused(tmp_path, files, says):
    with pytest.raises(ValueError, match=says):
        circuit_reference.read(written(tmp_path, **files), 1)


def test_missing_recording_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"sim2_50us\.csv: cannot be read"):
        circuit_reference.read(tmp_path, 2)


def test_comparators_follow_from_decisions(tmp_path):
    found = circuit_reference.read(written(tmp_path), 1)
    assert circuit_reference.comparators(found) == pytest.approx((7.25e-9, 2.25e-9))


def test_decisions_that_no_pair_gives(tmp_path):
    events = EVENTS.replace("9e-9,8,HOLD", "2e-8,8,HOLD")
    with pytest.raises(ValueError, match="no pair"):
        circuit_reference.comparators(circuit_reference.read(written(tmp_path, events=events), 1))


def test_comparison_by_hand(tmp_path):
    found = circuit_reference.read(written(tmp_path, trace=TRACE.replace("1e-9", "3e-9", 1)), 1)
    measures = circuit_reference.compare(
        found, found.I_mem + 1e-10, found.weight + 2, np.array([1, 0, -1, 1])
    )
    assert measures["nrmse"] == pytest.approx(0.05)
    assert (measures["decisions_equal"], measures["decisions_total"]) == (3, 4)
    assert (measures["final_weight"], measures["final_weight_reference"]) == (10, 8)
    assert measures["weight_rmse_lsb"] == pytest.approx(2)


@needs_recording
def test_comparator_rule_gives_all_recorded_decisions():
    found, model = circuit_reference.read(RECORDED, 1), experiment_1()
    decided = circuit_reference.decide(found.I_before, float(model.I_ref), float(model.I_SL))
    assert np.sum(decided == found.decision) == 100


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fit-fixed-synapse", "50"], "needs --experiment 2 and --reference"),
        (["--reference", "/nowhere"], "cannot be read"),
        (["--parameters", "/nowhere"], "--parameters"),
        (["--device", "abacus"], "device='abacus'"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_built(tmp_path, arguments, says):
    result = CliRunner().invoke(circuit.main, ["--out", str(tmp_path), *arguments])
    assert result.exit_code != 0
    assert says in result.output
    assert not list(tmp_path.iterdir())


def trace(device: str) -> dict[str, np.ndarray]:
    """40 ms of three circuits with a fixed synapse of another strength each."""
    onsets = 4e-3 + 5e-3 * np.arange(7)
    program = devices.build(
        lambda: learning_circuit(experiment_1(), onsets, 3, fixed=True, dt=50 * us), device
    )
    values = {"fixed.w": np.array([0.0, 4.5, 12.0]), "fixed.shared": np.array([0.0, 0.0, 1.0])}
    run = program.run(values, duration=40 * ms, read=list(SAMPLED.values()))
    return sampled(run, 3)


@pytest.mark.slow
def test_targets_agree_to_the_last_bit():
    expected = trace("numpy")
    assert expected["code"][-1, 0] > expected["code"][-1, 2]  # the runs differ
    for device in ("cython", "cpp_standalone"):
        found = trace(device)
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=f"{device}: {name}")


@needs_recording
def test_experiment_1_against_the_recording(tmp_path):
    arguments = ["--reference", str(RECORDED), "--out", str(tmp_path)]
    result = CliRunner().invoke(circuit.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["nrmse"] <= 1e-3
    assert summary["decisions_equal"] == summary["decisions_total"] == 100
    assert summary["final_weight"] == summary["final_weight_reference"] == 0
    assert summary["weight_rmse_lsb"] == 0
    with xr.open_dataset(tmp_path / "data.nc") as data:
        assert data.I_mem.dims == ("time",)
        assert data.I_mem.attrs["units"] == "A"
        np.testing.assert_array_equal(data.decision, data.decision_reference)
    assert (tmp_path / "figure.png").stat().st_size > 20_000
