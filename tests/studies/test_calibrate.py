"""Calibration finds the parameters that made a trace."""

import json
from dataclasses import replace

import numpy as np
import pytest
from brian2 import second
from click.testing import CliRunner

from ebn_brian import devices
from ebn_brian.chips.circuit import SAMPLED, learning_circuit, sampled
from ebn_brian.dpi_model import Circuit, experiment_1
from studies import calibrate
from studies.circuit.reference import EVENTS, TRACE, Reference, decide, read

ONSETS = 4e-3 + 5e-3 * np.arange(36)
END = 0.18


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A trace of a circuit that differs from the default one, as files, and its parameters."""
    truth = experiment_1().with_values(tau=0.028, gain_e=2.8, tau_i=1.2e-3, early=0.12)
    program = devices.build(lambda: learning_circuit(truth, ONSETS), "cpp_standalone")
    run = program.run(duration=(END + 1e-6) * second, read=list(SAMPLED.values()))
    samples = {name: values.ravel() for name, values in sampled(run).items()}
    folder = tmp_path_factory.mktemp("recording")
    rows = [
        f"{t:.5f},{current:.9e},{code:.0f},0"
        for t, current, code in zip(samples["t"], samples["I_mem"], samples["code"], strict=True)
    ]
    (folder / "sim1_50us.csv").write_text("\n".join(["t_s,I_mem_A,bit_value,input", *rows]))
    at = np.searchsorted(samples["t"], ONSETS - 1e-9)
    decided = samples["decision"][at + 5].astype(int)
    rows = [
        f"{on:.6f},{on + 1.01e-3:.6f},{samples['I_mem'][k]:.9e},{samples['code'][k]:.0f},"
        + {1: "INC", 0: "HOLD", -1: "DEC"}[d]
        for on, k, d in zip(ONSETS, at, decided, strict=True)
    ]
    head = "t_on_s,t_off_s,I_before_A,weight_before,decision"
    (folder / "events_sim1.csv").write_text("\n".join([head, *rows]))
    return folder, truth


@pytest.mark.slow
def test_parameters_are_found_again(recording, tmp_path):
    folder, truth = recording
    free = "tau,gain_e,tau_e,gain_i,tau_i,early"
    arguments = ["--reference", str(folder), "--free", free, "--out", str(tmp_path)]
    result = CliRunner().invoke(calibrate.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["nrmse_open_loop"] < 1e-6
    for name in free.split(","):
        assert summary[name] == pytest.approx(truth.values()[name], rel=1e-4)
        assert 0 < summary[f"standard_error_{name}"] < 1e-4 * summary[name]
    saved = Circuit.load(tmp_path / "parameters.json")
    assert float(saved.tau) == pytest.approx(0.028, rel=1e-4)
    assert "correlation" in result.output


@pytest.mark.slow
def test_comparators_are_kept_where_they_fit_and_found_where_not(recording):
    folder, truth = recording
    measured = read(folder, 1)
    assert calibrate.with_comparators(truth, measured).I_ref == truth.I_ref
    other = replace(truth, I_ref=truth.I_ref * 0.8)
    again = calibrate.with_comparators(other, measured)
    decided = decide(measured.I_before, float(again.I_ref), float(again.I_SL))
    np.testing.assert_array_equal(decided, measured.decision)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--reference", "/nowhere"], "cannot be read"),
        (["--reference", "/nowhere", "--free", "tau,volume"], "volume: must be of"),
        (["--reference", "/nowhere", "--free", "tau,tau"], "twice"),
        (["--reference", "/nowhere", "--until", "nan"], "not a finite number"),
    ],
)
def test_wrong_options_are_refused(tmp_path, arguments, says):
    result = CliRunner().invoke(calibrate.main, ["--out", str(tmp_path), *arguments])
    assert result.exit_code != 0
    assert says in result.output


def test_help_says_what_the_files_hold():
    text = CliRunner().invoke(calibrate.main, ["--help"]).output
    for column in (*TRACE, *EVENTS):
        assert column in text


def test_a_grid_that_does_not_fit_is_refused():
    t = np.arange(4) * 3e-5
    recording = Reference(t, t, t, t, 1e-3, t, t)
    with pytest.raises(ValueError, match="steps of 30 us"):
        calibrate.sampling(recording)
    assert calibrate.sampling(replace(recording, t=np.arange(4) * 1e-4)) == 2
