"""The study of dynamics: systems, what it refuses, and one small run."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from brian2 import second
from click.testing import CliRunner
from study_helpers import output

from ebn_brian import decoding
from ebn_brian.training import DT
from studies.dynamics import command
from studies.dynamics.arms import fit
from studies.dynamics.figure import figure
from studies.dynamics.numbers import MEASURES, assemble
from studies.dynamics.systems import DRIVEN, FREE, RMS, linear, open_system, spring


@pytest.mark.parametrize("name", ["oscillator", "bistable", "spring"])
def test_the_drive_makes_the_signal(name):
    """A leaky integral of the drive to be followed is the solution of the system."""
    system = open_system({"system": name})
    drive = np.asarray(system.drive(1 * second, 3, "x", 1 * second)) * system.resolution
    c, own = np.split(drive, 2, axis=1)
    x = np.zeros(c.shape)
    for k in range(len(c) - 1):
        x[k + 1] = x[k] + 1e-4 * (system.flow(x[k]) + c[k])
    assert np.abs(x).max() > 0.1
    followed = decoding.leaky_integral(own, system.tau_m, DT)[:-1]
    np.testing.assert_allclose(followed, x[1:], rtol=1e-6, atol=1e-9)


def test_a_spring_loses_energy_by_friction_alone():
    x = np.random.default_rng(1).normal(size=(50, 2))
    place, speed = x.T
    slope = np.stack([place + 5 * place**3, 5 * speed], axis=-1)  # of the energy
    np.testing.assert_allclose((slope * spring(x)).sum(-1), -10 * speed**2)


def test_it_is_the_speed_that_is_pushed():
    c = np.asarray(open_system({"system": "spring"}).drive(5 * second, 3, "x", 5 * second))[:, :2]
    assert not c[:, 0].any()
    size = np.abs(c[:, 1][c[:, 1] != 0]) * 0.025
    assert 6 <= size.min() < size.max() <= 12


def test_a_matrix_of_ones_own(tmp_path):
    A = np.array([[-2.0, 5.0], [-5.0, -2.0]])
    np.savetxt(tmp_path / "a.csv", A, delimiter=",")
    np.save(tmp_path / "a.npy", A)
    for file in ("a.csv", "a.npy"):
        system = open_system({"system": str(tmp_path / file)})
        np.testing.assert_allclose(system.A, A)
        assert system.n_signals == 2
    x = system._path(system._command(20 * second, 1, "scale"))
    assert np.sqrt(np.mean(x**2)) == pytest.approx(RMS, rel=1e-6)


@pytest.mark.parametrize(
    ("A", "message"),
    [
        ([[1.0, 0.0], [0.0, -1.0]], "real part 1"),
        ([[-1000.0, 0.0], [0.0, -1.0]], "at most 200"),
        ([[np.nan, 0.0], [0.0, -1.0]], "nan"),
    ],
)
def test_matrices_that_are_refused(A, message):
    with pytest.raises(ValueError, match=message):
        linear("a", np.array(A))


def test_a_file_that_is_not_there(tmp_path):
    result = CliRunner().invoke(command.main, ["--system", "nothing", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "--system nothing: must be oscillator, bistable, spring or a file" in output(result)


def test_a_recording_that_is_too_short(tmp_path):
    file = tmp_path / "short.csv"
    np.savetxt(file, np.random.default_rng(1).normal(size=(1100, 2)), header="a,b", delimiter=",")
    options = ["--system", str(file), "--sampling-rate", "100", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(command.main, options)
    assert result.exit_code == 2
    assert "short.csv: is 11 s long: must be at least 12 s" in output(result)


@pytest.mark.parametrize("n_signals", [1, 6])
def test_the_figure_shows_what_there_is_room_for(n_signals):
    """Four signals at most, and no chips with mismatch where none were asked for."""
    system = linear("a", -np.eye(n_signals))
    n_steps = int((DRIVEN + FREE) / DT) // 10
    block = {f"{m}_{stage}": np.ones(3) for m in MEASURES for stage in ("before", "after")}
    traces = {name: np.ones((n_steps, n_signals)) for name in ("x", "x_hat_before", "x_hat_after")}
    data = assemble({"0": block}, [], 3)
    fig = figure(data, traces, system)
    upper = fig.axes[0]
    assert len(fig.axes) == 3
    assert len(upper.get_legend().get_texts()) == 2 * min(n_signals, 4)
    assert (fig.get_suptitle() == "signals 1 to 4 of 6") == (n_signals == 6)
    plt.close(fig)


def test_features_are_fitted():
    x = np.linspace(-1.2, 1.2, 500)[:, None]
    rng = np.random.default_rng(1)
    Q, theta = rng.normal(0, 1.5, (100, 1)), rng.uniform(-2, 2, 100)
    inner = 4 * x * (1 - x**2) + 20 * x
    m = fit(Q, theta, x, inner)
    assert np.abs(np.tanh(x @ Q.T + theta) @ m.T - inner).max() < 0.3


@pytest.mark.slow
@pytest.mark.parametrize("system", ["bistable", "spring"])
def test_nonlinear_systems_need_features(tmp_path, system):
    """Taught for a tenth of the time the spring is not yet better than without features."""
    options = ["--system", system, "--quick", "--cv", "0", "--seed", "5", "--out", str(tmp_path)]
    result = CliRunner().invoke(command.main, [*options, "--jobs", "1"])
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    error = {k: summary[f"rmse_{k}_median"] for k in ("optimal_slow", "after", "linear", "before")}
    assert error["optimal_slow"] < 0.1
    assert 2 * error["optimal_slow"] < error["linear"] < error["before"]
    assert error["after"] < (0.7 * error["before"] if system == "spring" else error["linear"])


@pytest.mark.slow
def test_the_study_runs(tmp_path):
    options = ["--quick", "--seed", "5", "--out", str(tmp_path), "--jobs", "1"]
    result = CliRunner().invoke(command.main, options)
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["rmse_optimal_slow_worst"] < 0.05 < summary["rmse_before_median"]
    assert summary["rmse_after_median"] < 0.8 * summary["rmse_before_median"]
    assert (tmp_path / "figure.png").stat().st_size > 50_000
