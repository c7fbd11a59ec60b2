"""The study of sensitivity: its indices, and the chips that they come from."""

import numpy as np
import pytest
import xarray as xr
from mismatch_helpers import small_bench
from scipy.stats import sobol_indices, uniform

from ebn_brian.seeds import generator
from studies import sensitivity


def known(x):
    """2 a + b, and a b."""
    small = 1e-3 * x[2:].sum(axis=0)  # without any effect there are no intervals
    added, multiplied = 2 * x[0] + x[1] + small, x[0] * x[1] + small
    return np.stack([added, multiplied, added])


def test_indices_of_a_function_that_is_known():
    """f = 2 a + b; g = a b with a, b of mean m and variance v: S = m^2/(2 m^2 + v)."""
    data = sensitivity.indices(known, 1024, 0.3, seed=1, resamples=50)
    added = [0.8, 0.2, 0, 0, 0]
    expected = [added, [3 / 7, 3 / 7, 0, 0, 0], added]  # v = m^2/3
    np.testing.assert_allclose(data["first_order"], expected, atol=0.03)
    np.testing.assert_allclose(data["total_order"][1], [4 / 7, 4 / 7, 0, 0, 0], atol=0.03)
    assert (data["first_order_low"] <= data["first_order_high"]).all()


def test_indices_are_those_of_scipy():
    rng = generator(1, "sensitivity")
    scipys = sobol_indices(func=known, n=64, dists=[uniform(0, 0.3)] * 5, rng=rng)
    data = sensitivity.indices(known, 64, 0.3, seed=1, resamples=20)
    for order in ("first_order", "total_order"):
        np.testing.assert_array_equal(data[order], getattr(scipys, order))


def test_intervals_are_as_wide_as_those_of_scipy():
    scipys = sobol_indices(func=known, n=256, dists=[uniform(0, 0.3)] * 5, rng=1)
    bootstrap = scipys.bootstrap(n_resamples=400)
    data = sensitivity.indices(known, 256, 0.3, seed=1, resamples=400)
    for order in ("first_order", "total_order"):
        interval = getattr(bootstrap, order).confidence_interval
        width = data[f"{order}_high"] - data[f"{order}_low"]
        ratio = width.values[:, :2] / (interval.high - interval.low)[:, :2]
        assert (np.abs(np.log(ratio)) < np.log(2)).all()


def test_the_seed_gives_the_intervals():
    """Two calls are equal in all numbers; another seed gives other intervals."""
    one, same, other = (sensitivity.indices(known, 64, 0.3, seed, 30) for seed in (1, 1, 2))
    xr.testing.assert_identical(one, same)
    assert not (one["first_order_low"] == other["first_order_low"]).any()


def test_rows_of_the_design_reach_their_parameters_and_chips(tmp_path, monkeypatch):
    seen = {}

    def measures(training, Omega, seed):
        seen.update(training.values)
        gain = training.values["recurrent.gain"].reshape(training.chips.layout.n_chips, -1)
        errors = dict.fromkeys(("error_refit", "error_effective"), np.arange(len(gain)))
        return {"rate_hz": gain.std(axis=1), **errors}

    monkeypatch.setattr(sensitivity, "measures", measures)
    rows = (0.0, 0.1, 0.0, 0.0, 0.0), (0.3, 0.0, 0.0, 0.0, 0.0)
    bench = small_bench(tmp_path, chips=6)
    medians = sensitivity.run_rows(bench, "pretrained", "absolute", 3, *rows)
    assert medians["rate_hz"][0] == 0
    assert 0.2 < medians["rate_hz"][1] < 0.4
    np.testing.assert_array_equal(medians["error_refit"], [1, 4])
    first, second = np.split(seen["neurons.v_th"], 2)
    assert first.std() > 0
    assert second.std() == pytest.approx(0)


def test_points_have_the_same_chips_in_any_task(tmp_path, monkeypatch):
    """What chip 1 draws at a point does not depend on the points beside it."""
    values = []

    def measures(training, Omega, seed):
        values.append(training.values)
        return dict.fromkeys(sensitivity.OUTPUTS, np.zeros(6))

    monkeypatch.setattr(sensitivity, "measures", measures)
    bench, point, other = small_bench(tmp_path, chips=6), (0.1, 0.2, 0.0, 0.3, 0.1), (0.3,) * 5
    for rows in ((point, other), (other, point)):
        sensitivity.run_rows(bench, "pretrained", "absolute", 3, *rows)
    for name in ("recurrent.gain", "neurons.v_th", "neurons.tau_m", "neurons.F_1"):
        before, after = (np.split(np.asarray(v[name]), 2) for v in values)
        np.testing.assert_array_equal(before[0], after[1])
        np.testing.assert_array_equal(before[1], after[0])
