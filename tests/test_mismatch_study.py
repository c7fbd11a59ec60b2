"""The study of mismatch: its measures against `decoding`, its chips, its table; and all of it."""

import json

import numpy as np
import pytest
import xarray as xr
from brian2 import second
from click.testing import CliRunner
from scipy.stats import beta

from ebn_brian import balance, decoding
from ebn_brian.network import TAU_M, V_UNIT
from studies import mismatch, mismatch_arms, mismatch_numbers, sensitivity
from studies.mismatch_arms import ARMS, DT, EVERY, MEASURES, RESETS, SETS, Bench, Chips
from studies.training import Simulation


@pytest.fixture
def bench():
    """Without programs: what chips are does not need them."""
    simulations = {}
    for reset in RESETS:
        simulation = object.__new__(Simulation)
        simulation.values, simulation.rule = {}, mismatch_arms.RULE
        simulation.n_chips, simulation.n_signals, simulation.n_neurons = 3, 2, 5
        simulations[reset] = simulation
    return Bench(simulations, block=3, n_neurons=5, training=1.0, seed=7)


def spikes(n_chips, n_steps, n_neurons, count=3000):
    rng = np.random.default_rng(1)
    step = np.sort(rng.integers(n_steps, size=count))
    return rng.integers(n_chips * n_neurons, size=count).astype(np.int32), step


def test_filtered_spikes_are_those_of_decoding():
    i, step = spikes(3, 1000, 5)
    r = decoding.filtered_spikes(i, step * DT, 5, 1000, TAU_M, DT, n_chips=3)
    ours = mismatch_arms.filtered(i, step, 3, 1000, 5)
    np.testing.assert_allclose(ours, r[:, EVERY - 1 :: EVERY], rtol=1e-12, atol=1e-12)


def test_measures_are_those_of_decoding(monkeypatch):
    """With a sample every step they are equal."""
    for name, value in (
        ("EVERY", 1),
        ("START", 1000),
        ("FIT", 0.5 * second),
        ("TEST", 0.5 * second),
    ):
        monkeypatch.setattr(mismatch_arms, name, value)
    mismatch_arms.unseen.cache_clear()
    n_chips, n, (c, _) = 3, 5, mismatch_arms.unseen(7)
    i, step = spikes(n_chips, len(c), n)
    i[i == 4] = 0  # one neuron is silent

    class Recorded:
        n_chips, n_neurons = 3, 5
        D = balance.random_decoder(2, 5, 1, n_chips=3)
        evaluate = staticmethod(lambda Omega, c: type("Spikes", (), {"i": i, "step": step}))

    found = mismatch_arms.respond(Recorded, np.zeros((3, 5, 5)), 7)
    mismatch_arms.unseen.cache_clear()

    x = decoding.leaky_integral(c, TAU_M, DT)
    half, t = len(c) // 2, step * DT
    early, none = step < half, 0 * second
    D_fit = decoding.fit_decoder(i[early], t[early], x[:half], n, TAU_M, DT, n_chips=n_chips)
    fitted = decoding.decode(i, t, D_fit, len(c), TAU_M, DT)
    nominal = decoding.decode(i, t, Recorded.D, len(c), TAU_M, DT)
    for ours, x_hat in ((found.error_refit, fitted), (found.error_nominal, nominal)):
        truth = decoding.error_nominal(x[half:], x_hat[:, half:], DT, none)
        np.testing.assert_allclose(ours, truth, rtol=1e-6)
    late = decoding.rate_hz(i[~early], n, (len(c) - half) * DT, n_chips)
    np.testing.assert_allclose(found.rate_hz, late)
    most = [np.bincount(step[i // n == chip]).max() for chip in range(n_chips)]
    np.testing.assert_array_equal(found.spikes_per_step, most)


def test_a_chip_is_itself_in_any_block(bench):
    cvs = dict.fromkeys(SETS["all"], 0.2)
    some, others = Chips(bench, [0, 1, 2]), Chips(bench, [2, 3, 4])
    np.testing.assert_array_equal(some.D[2], others.D[0])
    np.testing.assert_array_equal(some.random[2], others.random[0])
    a, b = (chips.simulation("absolute", cvs).values for chips in (some, others))
    for name in a:
        np.testing.assert_array_equal(np.split(a[name], 3)[2], np.split(b[name], 3)[0])


def test_only_the_set_has_mismatch(bench):
    chips = Chips(bench, range(3))
    plain = chips.simulation("absolute", {}).values
    F = np.ravel(chips.D[:, 1]) * float(V_UNIT)
    np.testing.assert_allclose(plain["neurons.F_1"], F)
    np.testing.assert_allclose(plain["neurons.v_th"], 1.25 * float(V_UNIT))
    np.testing.assert_allclose(plain["neurons.v_reset"], 0.25 * float(V_UNIT))
    for which, names in SETS.items():
        for reset in RESETS:
            plain = chips.simulation(reset, {}).values
            values = chips.simulation(reset, dict.fromkeys(names, 0.2)).values
            changed = {name for name in plain if (values[name] != plain[name]).any()}
            assert changed == set(names) & set(plain), which
            for name in changed:
                factor = values[name] / plain[name]
                assert len(np.unique(factor)) == len(factor)
                assert 0.05 < factor.std() < 0.4


def test_thresholds_and_comparators_move_together(bench):
    """The spike must still step down by V_UNIT, and the rule be at rest at the optimum."""
    simulation = Chips(bench, range(3)).simulation("absolute", {}, 1.6)
    v_th, v_reset = simulation.values["neurons.v_th"], simulation.values["neurons.v_reset"]
    np.testing.assert_allclose(v_th, 1.6 * 12.5e-3)
    np.testing.assert_allclose(v_th - v_reset, float(V_UNIT))
    assert simulation.rule.kappa * float(V_UNIT) / 2 == pytest.approx(v_th[0])


# The tables


def plan_of(**changed):
    values = {"arms": list(ARMS), "resets": list(RESETS), "sets": ["all", "gain"]}
    values |= {"cvs": [0.0, 0.1, 0.2], "thresholds": (0.7, 1.0), "chips": 5, "block": 3}
    return mismatch.Plan(**values | changed)


def test_every_point_is_run_once_and_has_its_place():
    plan = plan_of()
    block, tasks = plan.block, plan.tasks()
    tasks |= plan.tasks(better_of(plan))
    results = {}
    for name, (arm, reset, first, points) in tasks.items():
        code = [
            [code_of(arm, reset, s, cv, t, first + c) for c in range(block)] for s, cv, t in points
        ]
        results[name] = dict.fromkeys(MEASURES, np.array(code))
    data = mismatch.assemble(plan, tasks, results)
    assert data["rate_hz"].dims == ("reset", "arm", "set", "cv", "chip")
    assert not data["rate_hz"].isnull().any()
    for arm, reset, s, cv, chip in (
        ("learned", "subtractive", "gain", 0.1, 4),
        ("transfer", "absolute", "all", 0.2, 0),
    ):
        at = {"arm": arm, "reset": reset, "set": s, "cv": cv, "chip": chip}
        assert data["rate_hz"].sel(at) == code_of(arm, reset, s, cv, 1.0, chip)
    at = {"arm": "learned", "reset": "absolute", "set": "gain", "cv": 0.0, "chip": 3}
    assert data["rate_hz"].sel(at) == code_of("learned", "absolute", "all", 0.0, 1.0, 3)
    at = {"arm": "learned", "swept": "gain", "threshold": 0.7, "chip": 3}
    assert data["rate_hz_sweep"].sel(at) == code_of("learned", "absolute", "gain", 0.2, 0.7, 3)
    assert not data["rate_hz_sweep"].sel(swept=["all", "gain"]).isnull().any()
    runs = [(name[-5:] == "sweep", *tasks[name][:3], p) for name in tasks for p in tasks[name][3]]
    assert len(set(runs)) == len(runs)


def better_of(plan):
    shape = [len(plan.arms), len(plan.sets), len(plan.cvs)]
    coords = {"arm": plan.arms, "set": plan.sets, "cv": plan.cvs}
    return xr.DataArray(np.full(shape, "absolute", "U11"), coords, tuple(coords))


def test_chips_beyond_the_pilot_run_once_with_the_better_reset():
    plan = plan_of(chips=250, block=25)
    pilot = plan.tasks()
    assert {first for _, _, first, _ in pilot.values()} == {0, 25, 50, 75}
    better = better_of(plan)
    better.loc[{"arm": "learned", "cv": 0.1}] = "subtractive"
    others = plan.tasks(better)
    sweeps = {name: others.pop(name) for name in list(others) if name.endswith("sweep")}
    assert {first for _, _, first, _ in sweeps.values()} == {0, 25, 50, 75}
    assert len(sweeps) == 4 * (1 + 2 * 7)
    assert not pilot.keys() & others.keys()
    assert {first for _, _, first, _ in others.values()} == set(range(100, 250, 25))
    points = [(arm, first, point) for arm, _, first, points in others.values() for point in points]
    assert len(set(points)) == len(points) == 6 * 7 * 5
    for arm, reset, _, [(_, cv, threshold)] in others.values():
        assert threshold == 1
        assert reset == ("subtractive" if (arm, cv) == ("learned", 0.1) else "absolute")


@pytest.mark.parametrize(
    ("cvs", "sets", "cv", "swept"),
    [
        ([0.0, 0.1, 0.2], ["all", "tau"], 0.2, ["all"]),
        ([0.0, 0.05, 0.4], ["tau", "F"], 0.05, ["tau"]),
        ([0.0], ["gain"], 0.0, ["gain"]),
    ],
)
def test_the_sweep_is_made_where_it_is_asked_for(cvs, sets, cv, swept):
    plan = plan_of(cvs=cvs, sets=sets)
    assert (plan.sweep_cv(), plan.swept_sets()) == (cv, swept)
    assert plan.swept("pretrained", sets[0], 0.0)
    assert not plan.swept("learned", sets[0], 0.0)


def code_of(arm, reset, s, cv, threshold, chip):
    digits = (
        ARMS.index(arm),
        list(RESETS).index(reset),
        list(SETS).index(s),
        cv * 10,
        threshold * 10,
    )
    return float(chip + sum(d * 10 ** (k + 1) for k, d in enumerate(digits)))


def table(rate, error):
    """Data of one set and two CVs; `rate` and `error` (reset, arm, cv, chip)."""
    dims, units = ("reset", "arm", "set", "cv", "chip"), {}
    coords = {"reset": list(RESETS), "arm": ["pretrained", "learned"], "set": ["all"]}
    coords |= {"cv": [0.0, 0.2], "threshold": [1.0], "swept": ["none"]}
    data = xr.Dataset(coords=coords)
    for name in MEASURES:
        values = {"rate_hz": rate, "error_refit": error}.get(name, np.ones_like(rate))
        data[name] = dims, values[:, :, None], units
    for name in ("rate_hz_sweep", "error_refit_sweep"):
        data[name] = (
            ("arm", "swept", "threshold", "chip"),
            np.ones((2, 1, 1, rate.shape[-1])),
        )
    return data


def test_each_arm_has_its_better_reset_and_failures_have_no_say():
    rate, error = np.full((2, 2, 2, 4), 10.0), np.full((2, 2, 2, 4), 0.01)
    rate[1, 0, 1] = 5  # subtractive is better for pretrained at CV 20 %
    error[0, 1, 1] = 0.04  # and for learned
    rate[0, 1, 0] = np.nan  # absolute failed for learned at CV 0
    rate[1, 1, 1, 2] = np.nan  # one chip failed
    data = mismatch_numbers.choose_reset(table(rate, error))
    used = data["reset_used"].sel(set="all").values.tolist()
    assert used == [["absolute", "subtractive"], ["subtractive", "subtractive"]]
    assert (data["rate_hz"].sel(arm="pretrained", cv=0.2) == 5).all()
    data = mismatch_numbers.add_yield(data, 2.0, 1.5)
    summary, rows = mismatch_numbers.summarise(data)
    assert rows["all 20 % learned"]["chips"] == 3
    assert summary["rate_hz_learned_all_0.2_median"] == 10
    assert summary["rate_hz_pretrained_all_0.2_to_clean"] == 0.5


def test_yield_is_by_chip_with_wilson_intervals():
    n = 20
    rate, error = np.full((2, 2, 2, n), 10.0), np.full((2, 2, 2, n), 0.01)
    rate[:, 0, 0] = error[:, 0, 0] = np.arange(1, n + 1)  # every chip has its own reference
    rate[:, 1, 1] = 2.0 * np.arange(1, n + 1)
    error[:, 1, 1] = 1.4 * np.arange(1, n + 1)
    rate[:, 1, 1, :5] += 0.01  # five use too many spikes
    error[:, 1, 1, 3:8] *= 2  # five decode badly, two of them the same
    data = mismatch_numbers.add_yield(mismatch_numbers.choose_reset(table(rate, error)), 2.0, 1.5)
    at = data.sel(arm="learned", cv=0.2, set="all")
    assert at["in_specification"] == 12 / n
    # Wilson's interval holds the Bayesian one of a flat prior, nearly
    low, high = beta(13, 9).interval(0.95)
    assert float(at["in_specification_low"]) == pytest.approx(low, abs=0.02)
    assert float(at["in_specification_high"]) == pytest.approx(high, abs=0.02)


def test_the_study_says_where_learning_helps_and_where_it_does_not():
    n, rng = 50, np.random.default_rng(1)
    rate, error = rng.lognormal(2, 0.3, (2, 2, 2, n)), np.full((2, 2, 2, n), 0.01)
    rate[:, 1, 1] = rate[:, 0, 1] * rng.lognormal(0, 0.05, n)
    data = mismatch_numbers.choose_reset(table(rate, error))
    (says,) = mismatch_numbers.verdict(mismatch_numbers.gain_of_learning(data))
    assert says.startswith("mismatch of all, CV 20 %: learning on the chip does not matter")
    for factor, what in ((0.5, "helps"), (2.0, "harms")):
        rate[:, 1, 1] = factor * rate[:, 0, 1]
        data = mismatch_numbers.choose_reset(table(rate, error))
        gains = mismatch_numbers.gain_of_learning(data)
        assert gains["all_0.2"] == pytest.approx((1 / factor,) * 3)
        assert what in mismatch_numbers.verdict(gains)[0]


def test_indices_of_a_function_that_is_known():
    """f = 2 a + b; g = a b with a, b of mean m and variance v: S = m^2/(2 m^2 + v)."""

    def known(x):
        small = 1e-3 * x[2:].sum(axis=0)  # without any effect there are no intervals
        return np.stack([2 * x[0] + x[1] + small, x[0] * x[1] + small])

    data = sensitivity.indices(known, 1024, 0.3, seed=1, resamples=50)
    expected = [[0.8, 0.2, 0, 0, 0], [3 / 7, 3 / 7, 0, 0, 0]]  # v = m^2/3
    np.testing.assert_allclose(data["first_order"], expected, atol=0.03)
    np.testing.assert_allclose(data["total_order"][1], [4 / 7, 4 / 7, 0, 0, 0], atol=0.03)
    assert (data["first_order_low"] <= data["first_order_high"]).all()


def test_rows_of_the_design_reach_their_parameters_and_chips(bench, monkeypatch):
    seen = {}

    def measures(chips, simulation, Omega):
        seen.update(simulation.values)
        gain = simulation.values["recurrent.gain"].reshape(len(chips.numbers), -1)
        return {"rate_hz": gain.std(axis=1), "error_refit": np.arange(len(gain))}

    monkeypatch.setattr(Chips, "measures", measures)
    rows = (0.0, 0.1, 0.0, 0.0, 0.0), (0.3, 0.0, 0.0, 0.0, 0.0)
    found = sensitivity.run_rows(bench, "pretrained", "absolute", 3, *rows)
    assert found["rate_hz"][0] == 0
    assert 0.2 < found["rate_hz"][1] < 0.4
    np.testing.assert_array_equal(found["error_refit"], [1, 4])
    first, second_ = np.split(seen["neurons.v_th"], 2)
    assert first.std() > 0
    assert second_.std() == pytest.approx(0)


@pytest.mark.slow
def test_the_study(tmp_path):
    """Small: learning repairs gain mismatch; started again it has nothing left to run."""
    command = [
        "--chips",
        "3",
        "--training",
        "10",
        "--cv",
        "0.2",
        "--set",
        "gain",
        "--arm",
        "learned",
        "--reset",
        "absolute",
    ]
    for again in (False, True):
        result = CliRunner().invoke(mismatch.main, [*command, "--out", str(tmp_path)])
        assert result.exit_code == 0, result.output
        assert ("4 of 4 results are there" in result.output) == again
    data = xr.load_dataset(tmp_path / "data.nc", engine="h5netcdf")
    assert data["rate_hz"].dims == ("arm", "set", "cv", "chip")
    assert data["rate_hz"].attrs["units"] == "Hz"
    assert data.sizes["chip"] == 3
    median = data["rate_hz"].sel(set="gain", cv=0.2).median("chip")
    assert 4 < median.sel(arm="learned") < 0.7 * median.sel(arm="pretrained")
    assert data["spikes_per_step"].max() == 1
    # effective weights: off by the variance of the gains, relative to their mean square
    distance = data["distance"].sel(arm="pretrained", set="gain", cv=0.2)
    assert distance.values == pytest.approx(0.04 / 1.04, rel=0.4)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["rate_hz_learned_gain_0.2_median"] == pytest.approx(
        float(median.sel(arm="learned"))
    )
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert not list(tmp_path.glob("programs_*"))
