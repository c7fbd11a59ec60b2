"""Chips of DPI neurons: the floor of the membrane, thresholds that set themselves, zeroing."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, Network, StateMonitor, ms, nA, second
from helpers import DT, one_direction, timed

from ebn_brian import dpi_theory, homeostasis
from ebn_brian.chips import dpi_chips, lif_chips, random_decoder
from ebn_brian.dpi_model import whole_chip
from ebn_brian.mismatch import spread
from ebn_brian.seeds import generator
from ebn_brian.signals import noise_drive
from ebn_brian.training import Training

N_CHIPS, N = 2, 6
RULE = whole_chip().rule()
D = random_decoder(2, N, 3, n_chips=N_CHIPS)
DRIVE = noise_drive(2, seed=3)


def counters() -> np.ndarray:
    w = generator(3, "counters").integers(-31, 32, (N_CHIPS, N, N))
    w[:, range(N), range(N)] = -25
    return w * RULE.step


def build(device="numpy", **options) -> Training:
    return Training(lambda drive: dpi_chips(D, drive=drive, rule=RULE, **options), 2, device=device)


@pytest.fixture(scope="module")
def built():
    """Homeostatic chips on numpy."""
    return build(homeostatic=True)


@pytest.fixture(scope="module")
def compiled():
    """The same, compiled."""
    return build("cpp_fused", homeostatic=True)


@pytest.mark.parametrize("I_s", [None, 500 * nA])
def test_no_current_ends_below_its_floor(I_s):
    """An input that would carry the membrane through zero within a step."""
    circuit = whole_chip() if I_s is None else replace(whole_chip(), I_s_mem=I_s)
    drive = timed(np.repeat([[3e4, 0.0], [-3e4, 0.0]], 50, axis=0))
    chips = dpi_chips(one_direction(3), np.zeros((3, 3)), drive, circuit=circuit, dt=DT)
    trace = StateMonitor(chips.neurons, "I_mem", record=True, when="end", name="trace")
    Network(chips.objects, trace).run(100 * DT, namespace={})
    assert trace.I_mem.max() > 2 * circuit.I_rest
    floor = float(circuit.I_0)
    assert trace.I_mem.min() / nA == pytest.approx(floor / 1e-9, rel=0.01)


def test_homeostasis_changes_nothing_until_it_is_asked_for(built):
    plain = build()
    states = [t.trained(counters(), DRIVE, 100 * ms) for t in (built, plain)]
    np.testing.assert_array_equal(states[0].w, states[1].w)
    for name, value in states[1].variables.items():
        np.testing.assert_array_equal(states[0].variables[name], value)


def test_targets_agree_bit_for_bit(built, compiled):
    outcomes = []
    for training in (built, compiled):
        ready = homeostasis.calibrated(
            homeostasis.zeroed(training, 50 * ms), DRIVE, 39 * Hz, [(0.02, 0.2 * second)]
        )
        state = ready.trained(counters(), DRIVE, 0.1 * second)
        outcomes.append([ready.values[f"neurons.{name}"] for name in ("I_spk", "I_ref")])
        outcomes[-1] += [state.w, *state.variables.values()]
    for one, two in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(one, two)


def test_comparators_are_zeroed_on_the_resting_current(compiled):
    """Where the input balances the leak: I_dc*gain_n/I_th = 1 + I_mem/I_th, plus the dark one's."""
    values = compiled.chips.values()
    cvs = {"neurons.I_dc": 0.2, "neurons.I_ref": 0.2}
    made = compiled.using(values=spread(values, cvs, seed=3, chips=N_CHIPS))
    zeroed = homeostasis.zeroed(made)
    I_dc, I_th = (np.asarray(made.values[f"neurons.{name}"]) for name in ("I_dc", "I_th"))
    before, after = (np.asarray(t.values["neurons.I_ref"]) for t in (made, zeroed))
    np.testing.assert_allclose(after, I_dc - I_th, rtol=0.01)
    assert np.abs(before / after - 1).max() > 0.1


def test_thresholds_settle_at_the_rate_and_autapses_go_on_learning(compiled):
    cvs = dict.fromkeys(["neurons.I_spk", "neurons.F_0", "neurons.F_1"], 0.25)
    made = compiled.using(values=spread(compiled.chips.values(), cvs, seed=3, chips=N_CHIPS))
    target = homeostasis.uncoupled_rate(compiled, DRIVE, 10 * second)
    ready = homeostasis.calibrated(made, DRIVE, target, [(0.02, 10 * second), (0.002, 20 * second)])
    own = compiled.chips.layout.to_synapses(np.eye(N))
    spreads = []
    for training in (made, ready):
        alone = training.using(values={**training.values, "recurrent.coupled": own})
        state = alone.rest(counters())
        count = np.zeros(N_CHIPS * N)
        for stretch in alone.advance(state, DRIVE, 200_000):
            count += np.bincount(stretch.i, minlength=N_CHIPS * N)
            state = stretch.state
        spreads.append((count / (20 * float(target))).std())
        off = ~np.eye(N, dtype=bool)
        moved = alone.weights(state) != counters()
        assert not moved[:, off].any()  # what is switched off does not learn
        assert moved[:, ~off].any()
    assert spreads[1] < 0.5 * spreads[0]


def test_chips_without_a_membrane_current_are_not_zeroed():
    lif = Training(lambda drive: lif_chips(D, drive=drive, homeostatic=True), 2, device="numpy")
    with pytest.raises(ValueError, match=r"no state 'neurons.I_mem'"):
        homeostasis.zeroed(lif)


def test_comparators_are_zeroed_on_a_read_out_too():
    """At rest, a current beyond weak inversion is what the read-out makes of the state."""
    circuit = whole_chip().with_values(I_s_mem=5e-9)

    def make_chips(drive):
        return dpi_chips(D, drive=drive, rule=RULE, circuit=circuit, homeostatic=True)

    training = homeostasis.zeroed(Training(make_chips, 2, device="numpy"))
    neuron = {"I_th": circuit.I_th, "gain_n": circuit.gain_n, "I_0": circuit.I_0}
    rest = dpi_theory.resting_current(circuit.I_dc, I_s_mem=circuit.I_s_mem, **neuron)
    assert float(rest) < 0.9 * float(whole_chip().I_rest)
    np.testing.assert_allclose(training.values["neurons.I_ref"], float(rest), rtol=1e-3)
