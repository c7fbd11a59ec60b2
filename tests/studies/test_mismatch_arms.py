"""Chips of the study of mismatch: what is spread, and their measures against `decoding`."""

from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import Hz, second
from mismatch_helpers import small_bench

from ebn_brian import decoding
from ebn_brian.chips import V_UNIT, Blueprint, random_decoder
from ebn_brian.chips.layout import Layout
from ebn_brian.chips.lif import TAU_M
from ebn_brian.training import DT
from studies.mismatch import measures
from studies.mismatch.arms import Population, true_weights
from studies.mismatch.bench import ARMS, OWN_RESET, RESETS, SETS, resets_of, spread


@pytest.fixture
def bench(tmp_path):
    return small_bench(tmp_path)


def values(chips: Population, reset: str, spreading=Blueprint.values, scale=1.0) -> dict:
    """Run-time values of chips, in base units."""
    arm = {"share": "homeostatic_fine"}.get(reset, "learned")
    device = chips.on_device(arm, reset, spreading, scale)
    return {k: np.asarray(v) for k, v in device.values.items()}


@pytest.fixture
def every_step(monkeypatch):
    """A sample every step, half a second to fit and half a second to judge."""
    for name, value in {"EVERY": 1, "START": 1000}.items():
        monkeypatch.setattr(measures, name, value)
    for name in ("FIT", "TEST"):
        monkeypatch.setattr(measures, name, 0.5 * second)
    measures.unseen.cache_clear()
    yield
    measures.unseen.cache_clear()


def test_measures_are_those_of_decoding(every_step):
    """With a sample every step they are equal."""
    n_chips, n, (c, x) = 3, 5, measures.unseen(7)
    np.testing.assert_array_equal(x, decoding.leaky_integral(c, TAU_M, DT))
    rng = np.random.default_rng(1)
    step = np.sort(rng.integers(len(c), size=3000))
    i = rng.integers(n_chips * n, size=3000).astype(np.int32)
    i[i == 4] = 0  # one neuron is silent
    t = step * DT
    D, layout = random_decoder(2, n, 1, n_chips=n_chips), Layout(n_chips, n, autapses=False)
    chips = SimpleNamespace(D=D, tau=TAU_M, layout=layout)
    D_eff = random_decoder(2, n, 2, n_chips=n_chips)
    spikes = SimpleNamespace(i=i, step=step, t=t, chips=chips, c=c, D_eff=D_eff)
    recorded = SimpleNamespace(chips=chips, evaluate=lambda Omega, c: spikes)

    values = measures.respond(recorded, np.zeros((n_chips, n, n)), 7, chips.D)

    half = len(c) // 2
    early, none = step < half, 0 * second
    D_fit = decoding.fit_decoder(i[early], t[early], x[:half], n, TAU_M, DT, n_chips=n_chips)
    fitted = decoding.decode(i, t, D_fit, len(c), TAU_M, DT)
    nominal, effective = (decoding.decode(i, t, d, len(c), TAU_M, DT) for d in (D, D_eff))
    readouts = {"error_refit": fitted, "error_nominal": nominal, "error_effective": effective}
    for name, x_hat in readouts.items():
        truth = decoding.error_nominal(x[half:], x_hat[:, half:], DT, none)
        np.testing.assert_allclose(values[name], truth, rtol=1e-6)
    late = decoding.rate_hz(i[~early], n, (len(c) - half) * DT, n_chips)
    np.testing.assert_allclose(values["rate_hz"], late)
    most = [np.bincount(step[i // n == chip]).max() for chip in range(n_chips)]
    np.testing.assert_array_equal(values["spikes_per_step"], most)


def test_a_chip_is_itself_in_any_block(bench):
    numbers = [0, 1, 2], [2, 3, 4]
    some, others = (Population(bench, block) for block in numbers)
    np.testing.assert_array_equal(some.D[2], others.D[0])
    np.testing.assert_array_equal(some.random[2], others.random[0])
    a, b = (
        values(chips, "absolute", spread("all", 0.2, chips.numbers, bench.seed))
        for chips in (some, others)
    )
    for name in SETS["all"]:
        if name in a:
            np.testing.assert_array_equal(np.split(a[name], 3)[2], np.split(b[name], 3)[0])


def test_only_the_set_has_mismatch(bench):
    chips = Population(bench, range(3))
    plain = values(chips, "absolute")
    F = np.ravel(chips.D[:, 1]) * float(V_UNIT)
    np.testing.assert_allclose(plain["neurons.F_1"], F)
    np.testing.assert_allclose(plain["neurons.v_th"], 1.25 * float(V_UNIT))
    np.testing.assert_allclose(plain["neurons.v_reset"], 0.25 * float(V_UNIT))
    for set_name, names in SETS.items():
        for reset in RESETS:
            plain = values(chips, reset)
            spreading = spread(set_name, 0.2, chips.numbers, bench.seed)
            mismatched = values(chips, reset, spreading)
            changed = {name for name in plain if (mismatched[name] != plain[name]).any()}
            assert changed == set(names) & set(plain), set_name
            for name in changed:
                factor = mismatched[name] / plain[name]
                assert len(np.unique(factor)) == len(factor)
                assert 0.05 < factor.std() < 0.4


def test_thresholds_and_comparators_move_together(bench):
    """The spike must still step down by V_UNIT, and the rule be at rest at the optimum."""
    at = values(Population(bench, range(3)), "absolute", scale=1.6)
    np.testing.assert_allclose(at["neurons.v_th"], 1.6 * 12.5e-3)
    np.testing.assert_allclose(at["neurons.v_th"] - at["neurons.v_reset"], float(V_UNIT))
    kappa = float(at["recurrent.kappa"])
    assert kappa * float(V_UNIT) / 2 == pytest.approx(at["neurons.v_th"][0])


def test_arms_have_the_resets_that_they_are_made_for():
    assert resets_of("learned") == ("absolute", "subtractive")
    assert resets_of("learned", ("subtractive",)) == ("subtractive",)
    assert all(resets_of(arm, ("subtractive",)) == (own,) for arm, own in OWN_RESET.items())
    assert set(OWN_RESET) < set(ARMS)
    assert set(OWN_RESET.values()) < set(RESETS)


def test_the_oracle_acts_as_theory_prescribes_for_the_chip_as_it_is(bench):
    """Weights times gains are -F^T F, thresholds kappa/2 |F|^2, a spike steps down by |F|^2."""
    chips = Population(bench, range(3))
    spreading = spread("all", 0.3, chips.numbers, bench.seed)
    device = chips.prepared("oracle", "absolute", spreading)
    held = {name: np.asarray(value) for name, value in device.values.items()}
    unit = float(V_UNIT)
    F = np.stack([held["neurons.F_0"], held["neurons.F_1"]]).reshape(2, 3, -1) / unit
    gain = device.chips.layout.to_matrices(held["recurrent.gain"])
    acts = gain * true_weights(device)
    for k in range(3):
        expected = -F[:, k].T @ F[:, k]
        np.fill_diagonal(expected, 0)  # the reset
        np.testing.assert_allclose(acts[k], expected, atol=1e-12)
    squared = (F**2).sum(axis=0).ravel()
    np.testing.assert_allclose(held["neurons.v_th"], 1.25 * squared * unit)
    np.testing.assert_allclose(held["neurons.v_th"] - held["neurons.v_reset"], squared * unit)
    assert held["neurons.tau_m"].std() > 0


def test_the_rate_of_the_design_is_the_same_for_all_blocks(bench):
    """Chip 7 is calibrated to the same rate wherever it is simulated."""
    rates = [
        Population(bench, numbers).design_rate("homeostatic", "absolute", 1.0)
        for numbers in (range(3), range(5, 8))
    ]
    assert rates[0] == rates[1]
    assert 20 * Hz < rates[0] < 80 * Hz
