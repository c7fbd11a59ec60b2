"""Neurons that set their own thresholds: the text against plain numpy, and the procedure."""

from dataclasses import replace

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second
from helpers import DT

from ebn_brian import homeostasis
from ebn_brian.chips import V_UNIT, lif_chips, random_decoder, random_weights
from ebn_brian.mismatch import spread
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.signals import noise_drive
from ebn_brian.training import COARSE_TO_FINE, Training

N_CHIPS, N = 2, 8
D = random_decoder(2, N, 5, n_chips=N_CHIPS)
FINE = COARSE_TO_FINE[0][0]
DRIVE = noise_drive(2, seed=5)
SPREAD = dict.fromkeys(
    [
        *("neurons.v_th", "neurons.tau_m", "neurons.F_0", "neurons.F_1", "neurons.share"),
        "recurrent.gain",
    ],
    0.2,
)
UNIT = float(V_UNIT)
INITIAL = random_weights(N_CHIPS, N, 5, step=0.04)


def build(device="numpy", reset="share", rule=FINE, **options) -> Training:
    return Training(
        lambda drive: lif_chips(
            D, drive=drive, rule=rule, reset=reset, homeostatic=True, dt=DT, **options
        ),
        2,
        device=device,
    )


def mismatched(training: Training) -> Training:
    values = training.chips.values()
    cvs = {name: cv for name, cv in SPREAD.items() if name in values}
    return training.using(values=spread(values, cvs, seed=5, chips=N_CHIPS))


@pytest.fixture(scope="module")
def built():
    """Chips with the reset in proportion, on numpy."""
    return build()


@pytest.fixture(scope="module")
def compiled():
    """The same, compiled."""
    return build("cpp_fused")


class Reference:
    """One chip in plain numpy, written from the theory: potentials above rest, in volt."""

    def __init__(self, values: dict, chip: int, w: np.ndarray):
        def own(name):
            return np.split(np.asarray(values[f"neurons.{name}"]), N_CHIPS)[chip].copy()

        self.tau, self.share, self.v_th = own("tau_m"), own("share"), own("v_th")
        self.F = np.stack([own("F_0"), own("F_1")])
        gain = np.split(np.asarray(values["recurrent.gain"]), N_CHIPS)[chip]
        self.gain = np.zeros((N, N))  # source, target
        self.gain[~np.eye(N, dtype=bool)] = gain
        self.w, self.v, self.spikes = w.T.copy(), np.zeros(N), []

    def run(self, c, *, v_adapt=0.0, target=0.0, coupled=1.0, rule=None):
        dt = float(DT)
        for k, now in enumerate(c):
            self.v += dt * (-self.v / self.tau + now @ self.F)
            self.v_th -= dt * v_adapt * target
            above = self.v - self.v_th
            if above.max() <= 0:
                continue
            n = int(above.argmax())
            self.spikes.append((k, n))
            step = 0.005 * UNIT
            if rule is not None:
                err = 2 * self.v + rule.kappa * self.gain[n] * self.w[n] * step
                zone = rule.dead_zone * UNIT
                d = rule.stride * ((err < -zone).astype(int) - (err > zone))
                self.w[n] += np.where(np.arange(N) == n, 0, d)
            self.v += coupled * self.gain[n] * self.w[n] * step
            self.v[n] = self.share[n] * self.v_th[n]
            self.v_th[n] += v_adapt


def test_the_text_is_that_of_the_theory(built):
    """A second of calibration, then one of learning; thresholds, weights and every spike."""
    training = mismatched(built)
    phases = [(0.01, 1 * second)]
    ready = homeostasis.calibrated(training, DRIVE, 45 * Hz, phases)
    stretches = list(ready.advance(ready.rest(INITIAL), DRIVE, 10_000))
    c = np.asarray(DRIVE(0, 10_000))
    for chip in range(N_CHIPS):
        one = Reference(training.values, chip, np.rint(INITIAL[chip] / 0.005))
        one.run(c, v_adapt=0.01 * UNIT, target=45, coupled=0)
        assert len(one.spikes) > 100
        held = np.split(np.asarray(ready.values["neurons.v_th"]), N_CHIPS)[chip]
        np.testing.assert_allclose(one.v_th, held, rtol=1e-11)
        before = np.split(np.asarray(training.values["neurons.v_th"]), N_CHIPS)[chip]
        assert (held != before).all()

        one.v, one.spikes = np.zeros(N), []
        one.run(c, rule=FINE)
        (stretch,) = stretches
        mine = stretch.i // N == chip
        ours = sorted(zip(stretch.step[mine], stretch.i[mine] % N, strict=True))
        assert ours == one.spikes
        np.testing.assert_array_equal(stretch.state.w.reshape(N_CHIPS, -1)[chip],
                                      one.w[~np.eye(N, dtype=bool)])  # fmt: skip
        assert (np.rint(INITIAL[chip] / 0.005) != one.w.T).mean() > 0.5


def outcome(training: Training):
    ready = homeostasis.calibrated(mismatched(training), DRIVE, 45 * Hz, [(0.02, 0.3 * second)])
    state = ready.in_phases(INITIAL, DRIVE, [(rule, 0.1 * second) for rule, _ in COARSE_TO_FINE])
    return state.w, *state.variables.values()


@pytest.mark.parametrize(
    "device",
    [
        pytest.param("cython", marks=pytest.mark.slow),
        pytest.param("cpp_standalone", marks=pytest.mark.slow),
        "cpp_fused",
    ],
)
def test_targets_agree_bit_for_bit(built, compiled, device):
    other = compiled if device == "cpp_fused" else build(device)
    for one, two in zip(outcome(built), outcome(other), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("synapse", ["delta", "exponential"])
@pytest.mark.parametrize("reset", ["absolute", "share", "subtractive", "learned"])
def test_it_changes_nothing_until_it_is_asked_for(reset, synapse):
    """The paper's own case is untouched: spikes and weights are equal to the last bit."""
    rule = DiscreteRule.calm(learn_reset=reset == "learned")
    options = {"synapse": synapse} | ({} if rule.learn_reset else {"reset": reset})

    def make(drive, homeostatic):
        return lif_chips(D, drive=drive, rule=rule, homeostatic=homeostatic, dt=DT, **options)

    states = [
        Training(lambda drive, on=on: make(drive, on), 2, device="numpy").trained(
            INITIAL - np.eye(N) * rule.learn_reset, DRIVE, 100 * ms
        )
        for on in (True, False)
    ]
    np.testing.assert_array_equal(states[0].w, states[1].w)
    np.testing.assert_array_equal(
        states[0].variables["neurons.v"], states[1].variables["neurons.v"]
    )


def test_thresholds_settle_where_the_neuron_has_its_rate(compiled):
    """Each neuron alone, afterwards, on other input."""
    training = mismatched(compiled)
    target = homeostasis.uncoupled_rate(training, DRIVE, 30 * second)
    assert 30 * Hz < target < 60 * Hz
    own = np.zeros(training.chips.layout.n_synapses)
    rates = []
    for one in (training, homeostasis.calibrated(training, DRIVE, target)):
        alone = one.using(values={**one.values, "recurrent.coupled": own})
        stretches = alone.advance(alone.rest(INITIAL), noise_drive(2, 6), 400_000, plastic=False)
        count = sum(np.bincount(s.i, minlength=N_CHIPS * N) for s in stretches)
        rates.append(count / (40 * float(target / Hz)))
    # a threshold remembers some 14 s of input: 140 times that of the membrane and the signal
    assert rates[1].std() < 0.22
    assert rates[1].std() < 0.6 * rates[0].std()
    assert abs(rates[1].mean() - 1) < 0.2


def test_thresholds_follow_the_feed_forward_weights(compiled):
    """T/|F| is what the code needs to be the same for all neurons of one time constant."""
    training = mismatched(compiled)
    ready = homeostasis.calibrated(training, DRIVE, 45 * Hz)
    ratios = []
    for values in (training.values, ready.values):
        F = np.hypot(*(np.asarray(values[f"neurons.F_{j}"]) for j in range(2)))
        ratios.append(np.asarray(values["neurons.v_th"]) / F)
    before, after = (ratio.std() / ratio.mean() for ratio in ratios)
    assert before > 0.2
    assert after < 0.12


def test_an_autapse_that_is_the_reset_goes_on_acting():
    rule = DiscreteRule.calm(learn_reset=True)
    training = build(rule=rule, reset="absolute")
    rate = homeostasis.uncoupled_rate(training, DRIVE, 1 * second)
    assert 20 * Hz < rate < 90 * Hz  # 10 kHz without a reset
    ready = homeostasis.calibrated(training, DRIVE, rate, [(0.01, 0.5 * second)])
    assert np.asarray(ready.values["neurons.v_th"]).std() > 0


def test_each_homeostat_may_have_a_target_of_its_own(built):
    """A lower rate is a higher threshold."""
    targets = np.repeat([20, 80], N_CHIPS * N // 2) * Hz
    ready = homeostasis.calibrated(built, DRIVE, targets, [(0.02, 2 * second)])
    slow, fast = np.split(np.asarray(ready.values["neurons.v_th"]), 2)
    assert slow.mean() > 1.3 * fast.mean()


def test_a_rule_on_another_grid_is_refused(built):
    with pytest.raises(ValueError, match=r"must differ from .* in what it decides alone"):
        built.with_rule(replace(FINE, step=0.01))


@pytest.mark.parametrize(
    ("rate", "phases", "message"),
    [
        (0 * Hz, [(0.01, 1 * second)], "rate_target=0"),
        (45 * mV, [(0.01, 1 * second)], "rate_target=.*: must have the unit"),
        (np.nan * Hz, [(0.01, 1 * second)], "rate_target=nan"),
        (45 * Hz, [(-0.01, 1 * second)], "step of the threshold=-0.01"),
        (45 * Hz, [(0.01, 0 * second)], "time of a phase=0"),
        (45 * Hz, [(0.01, 1 * mV)], "time of a phase=.*: must have the unit"),
    ],
)
def test_impossible_input_is_refused(built, rate, phases, message):
    with pytest.raises(ValueError, match=message):
        homeostasis.calibrated(built, DRIVE, rate, phases)


def test_chips_without_it_are_refused():
    plain = Training(lambda drive: lif_chips(D, drive=drive, rule=FINE, dt=DT), 2, device="numpy")
    with pytest.raises(ValueError, match="make them with homeostatic=True"):
        homeostasis.calibrated(plain, DRIVE, 45 * Hz)
