"""Experiment 2: a strength fitted on the first milliseconds predicts the rest of a recording."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from brian2 import second
from circuit_helpers import summary_of
from click.testing import CliRunner

from ebn_brian import devices
from ebn_brian.chips.circuit import SAMPLED, learning_circuit, sampled
from ebn_brian.dpi_model import experiment_1
from ebn_brian.seeds import generator
from studies.circuit.command import main
from studies.circuit.experiment import N_TRIED, Experiment, fitted_strength
from studies.circuit.reference import Reference, compare

#: Circuits that make the recordings of experiment 2 below: strength of the fixed synapse (LSB) and
#: what about the circuit is not as the model has it.
OTHERS = [
    (1.5, {}),
    (8.0, {}),
    (18.0, {}),
    (4.0, {"tau_f": 2.0, "gain_i": 1.05}),
    (12.0, {"tau_i": 1.05, "gain_i": 0.96}),
    (6.0, {"leak": 1.15}),
]
NOISE = 5e-12  # A, white


def recordings(onsets: np.ndarray) -> list[Reference]:
    """Recordings of `OTHERS`."""
    circuit = experiment_1().with_values(w_initial=5)
    program = devices.build(
        lambda: learning_circuit(circuit, onsets, len(OTHERS), fixed=True), "cpp_standalone"
    )
    values = {"fixed.w": np.array([strength for strength, _ in OTHERS])}
    for name in ("tau_i", "gain_i", "leak", "tau_f"):
        nominal = circuit.values()[name.replace("tau_f", "tau_e")]
        values[f"neurons.{name}"] = np.array([nominal * o.get(name, 1) for _, o in OTHERS])
    end = onsets[-1] + 4e-3
    run = program.run(values, duration=end * second, read=list(SAMPLED.values()))
    samples = sampled(run, len(OTHERS))
    middle = np.searchsorted(samples["t"], onsets + 0.5e-3)
    rng = generator(1, "noise")
    return [
        Reference(
            samples["t"],
            samples["I_mem"][:, k] + rng.normal(0, NOISE, len(samples["t"])),
            samples["code"][:, k],
            onsets,
            float(circuit.width),
            samples["I_mem"][np.searchsorted(samples["t"], onsets) - 1, k],
            samples["decision"][middle, k].astype(int),
        )
        for k in range(len(OTHERS))
    ]


@pytest.mark.slow
def test_strength_fitted_on_50_ms_predicts_circuits_that_are_not_quite_the_model():
    """The bounds are those once asked of the recorded experiment 2."""
    onsets = 4.305e-3 + 5e-3 * np.arange(60)
    model = experiment_1().with_values(w_initial=5)
    options = {"fixed": True, "n_circuits": N_TRIED}
    compiled = Experiment(model, onsets, "cpp_standalone", **options)
    for (strength, other), recording in zip(OTHERS, recordings(onsets), strict=True):
        case = f"{strength} LSB, {other}"
        fitted, _ = fitted_strength(compiled, model, recording.until(0.05))
        samples, _ = compiled.run(recording.end, [replace(model, fixed_w=fitted)])
        decision = compiled.decisions(samples)
        traces = samples["I_mem"][:, 0], samples["code"][:, 0]
        measures = compare(recording, samples["t"], *traces, decision)
        assert measures["nrmse"] <= 0.05, case
        assert measures["decisions_equal"] >= 0.85 * 60, case
        assert abs(measures["final_weight"] - measures["final_weight_reference"]) <= 3, case
        if not other:
            assert fitted == pytest.approx(strength, rel=0.01)
            assert measures["nrmse"] < 2e-3
            assert measures["decisions_equal"] >= 59


@pytest.mark.slow
def test_experiment_2_from_files(tmp_path):
    """As a user's recording may be: other pulses, another first counter, another length."""
    onsets = 6.12e-3 + 5e-3 * np.arange(40)
    recording = recordings(onsets)[1]
    write_files(tmp_path, 2, recording)
    arguments = ["--experiment", "2", "--reference", str(tmp_path)]
    fitting = ["--fit-fixed-synapse", "50"]
    summary = summary_of([*arguments, *fitting], tmp_path / "out")
    assert summary["fixed_synapse_lsb"] == pytest.approx(8, rel=0.01)
    assert summary["nrmse"] < 2e-3
    assert (summary["decisions_total"], summary["decisions_equal"]) == (40, 40)
    assert summary["final_weight"] == summary["final_weight_reference"]
    quick = summary_of([*arguments, *fitting, "--quick"], tmp_path / "out")
    assert quick["fixed_synapse_lsb"] == summary["fixed_synapse_lsb"]
    assert quick["decisions_total"] == 19
    longer = [*arguments, "--fit-fixed-synapse", "150", "--quick"]
    assert summary_of(longer, tmp_path / "out")["fixed_synapse_lsb"] == pytest.approx(8, rel=0.01)
    result = CliRunner().invoke(main, [*arguments, "--fit-fixed-synapse", "6"])
    assert "no pulse before 0.006 s" in result.output
    assert result.exit_code == 2


def write_files(folder: Path, experiment: int, recording: Reference) -> None:
    """The recording in the form of the published ones."""
    names = {1: "INC", 0: "HOLD", -1: "DEC"}
    rows = zip(recording.t, recording.I_mem, recording.weight, strict=True)
    lines = [f"{t:.5f},{current:.6e},{weight:.0f},0,1,0" for t, current, weight in rows]
    head = "t_s,I_mem_A,bit_value,inc,sl,input"
    (folder / f"sim{experiment}_50us.csv").write_text("\n".join([head, *lines]) + "\n")
    rows = zip(recording.onsets, recording.I_before, recording.decision, strict=True)
    lines = [
        f"{on:.7f},{on + recording.width:.7f},{before:.6e},{before:.6e},0,0,{names[d]}"
        for on, before, d in rows
    ]
    head = "t_on_s,t_off_s,I_before_A,I_after_A,weight_before,weight_after,decision"
    (folder / f"events_sim{experiment}.csv").write_text("\n".join([head, *lines]) + "\n")
