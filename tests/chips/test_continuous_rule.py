"""Chips with the continuous rule against plain numpy, on all targets, and against its theory."""

from itertools import product

import numpy as np
import pytest
from brian2 import Hz, Network, SpikeMonitor, TimedArray, ms
from helpers import DT

from ebn_brian import balance, devices
from ebn_brian.chips import (
    V_UNIT,
    dpi_chips,
    even_decoder,
    lif_chips,
    random_decoder,
    random_weights,
)
from ebn_brian.plasticity import ContinuousRule, DiscreteRule, FeedforwardRule
from ebn_brian.signals import noise_drive, smoothed_noise
from ebn_brian.training import LARGE_TO_SMALL, Training, steps

STEP, TAU, N_STEPS = 1 * ms, 50 * ms, 3000
#: Rule, and how feed-forward weights learn.
SYSTEMS = {
    "absolute reset": (ContinuousRule(0.03), None),
    "learned reset": (ContinuousRule(0.03, kappa=1.2, learn_reset=True), None),
    "cost": (ContinuousRule(0.03, mu=0.05), None),
    "both": (ContinuousRule.brendel2020(0.01), FeedforwardRule(1e-3, 0.18)),
}
SLOW = ("learned reset", "cost")  # the last one has both
each_system = pytest.mark.parametrize(
    "system", [pytest.param(s, marks=[pytest.mark.slow] * (s in SLOW)) for s in SYSTEMS]
)
READ = ["spikes.i", "spikes.t", "recurrent.w", "neurons.v"]


def network(system: str, n_chips: int = 2):
    """What makes chips with random weights, on noise, with steps of 1 ms."""
    rule, feedforward = SYSTEMS[system]

    def make_network() -> Network:
        drive = TimedArray(noise(), STEP, name="drive")
        D = random_decoder(2, 8, 5, n_chips)
        Omega = first_weights(n_chips)
        chips = lif_chips(D, Omega, drive, rule=rule, feedforward=feedforward, dt=STEP)
        return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))

    return make_network


def noise():
    return smoothed_noise(N_STEPS * STEP, 2, 5, dt=STEP)


def first_weights(n_chips: int):
    return random_weights(n_chips, 8, 5, std=0.3) - 0.5 * np.eye(8)


def reference(system: str, chip: int):
    """One chip in plain numpy: spikes, weights, potentials and F; all in units of ``|D|``."""
    rule, feedforward = SYSTEMS[system]
    D, Omega = random_decoder(2, 8, 5, 2)[chip], first_weights(2)[chip]
    F, c, decay = D.T.copy(), np.asarray(noise()), float(STEP / TAU)
    v, r, x, spikes = np.zeros(8), np.zeros(8), np.zeros(2), []
    for k in range(N_STEPS):
        v = v - decay * v + float(STEP) * F @ c[k]
        r, x = r - decay * r, x - decay * x + float(STEP) * c[k]
        n = int(np.argmax(v))
        if v[n] <= rule.kappa / 2:
            continue
        spikes.append((k, n))
        others = np.arange(8) != n
        goal = -rule.beta * (v + rule.mu * r) - rule.mu * ~others
        Omega[:, n] += rule.eps * (goal - Omega[:, n]) * (others | rule.learn_reset)
        v = v + Omega[:, n] * (others | rule.learn_reset)
        if not rule.learn_reset:
            v[n] = rule.kappa / 2 - 1
        r[n] += 1
        if feedforward:
            F[n] += feedforward.eps * (feedforward.alpha * x - F[n])
    return spikes, Omega, v, F


@each_system
def test_against_numpy(system):
    """Three seconds: the same spikes, and weights equal but for rounding."""
    program = devices.build(network(system), "numpy")
    learns_F = SYSTEMS[system][1] is not None
    read = READ + ["neurons.F_0", "neurons.F_1"] * learns_F
    run = program.run(duration=N_STEPS * STEP, read=read)
    chips = chips_of(system)
    learned, step = chips.weights(run), np.rint(run["spikes.t"] / float(STEP)).astype(int)
    kept = chips.layout.kept.reshape(8, 8)
    for chip in range(2):
        spikes, Omega, v, F = reference(system, chip)
        assert len(spikes) > 200
        mine = run["spikes.i"] // 8 == chip
        assert sorted(zip(step[mine], run["spikes.i"][mine] % 8, strict=True)) == spikes
        np.testing.assert_allclose(learned[chip][kept], Omega[kept], rtol=0, atol=1e-9)
        own = run["neurons.v"].reshape(2, 8)[chip] / float(V_UNIT)
        np.testing.assert_allclose(own, v, rtol=0, atol=1e-9)
        np.testing.assert_allclose(chips.feedforward(run.values)[chip], F, rtol=0, atol=1e-9)
        assert (np.abs(F - random_decoder(2, 8, 5, 2)[chip].T) > 1e-3).any() == learns_F


def chips_of(system: str):
    """Blueprint of the chips of `network`."""
    rule, feedforward = SYSTEMS[system]
    D = random_decoder(2, 8, 5, 2)
    return lif_chips(D, first_weights(2), rule=rule, feedforward=feedforward, drive=silent())


def silent():
    return TimedArray(np.zeros((2, 2)) * Hz, STEP, name="drive")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "device"),
    [
        *product(("both",), ("cython", "cpp_standalone", "cpp_fused")),
        ("absolute reset", "cpp_fused"),
    ],
)
def test_bit_for_bit(system, device):
    read = READ + ["neurons.F_0", "neurons.F_1", "neurons.r"] * (system == "both")
    runs = [
        devices.build(network(system), target).run(duration=N_STEPS * STEP, read=read)
        for target in ("numpy", device)
    ]
    for name in read:
        np.testing.assert_array_equal(runs[0][name], runs[1][name], err_msg=name)


def on_numpy(rule, **options) -> Training:
    D = random_decoder(2, 8, 5)
    return Training(
        lambda drive: lif_chips(D, drive=drive, rule=rule, **options), 2, device="numpy"
    )


class TestWithAnotherRule:
    """Phases change what the program can change, and nothing else goes unnoticed."""

    def test_values_change(self):
        training = on_numpy(ContinuousRule(0.03))
        values = training.with_rule(ContinuousRule(0.01, kappa=2.0)).values
        assert (values["recurrent.eps"], values["recurrent.beta"]) == (0.01, 1.0)

    @pytest.mark.parametrize("other", [ContinuousRule(0.01, mu=0.1), DiscreteRule(1)])
    def test_the_text_does_not(self, other):
        with pytest.raises(ValueError, match=r"must differ from .* in what it decides alone"):
            on_numpy(ContinuousRule(0.03)).with_rule(other)

    def test_training_evaluates_fixed_feedforward_weights(self):
        with pytest.raises(ValueError, match="chips learn F"):
            on_numpy(ContinuousRule(0.03), feedforward=FeedforwardRule())


def test_dpi_chips_have_no_filtered_spikes():
    with pytest.raises(ValueError, match=r"rule=ContinuousRule.*reads r_post"):
        dpi_chips(random_decoder(2, 8, 5), rule=ContinuousRule(0.03, mu=0.1), drive=silent())


@pytest.mark.slow
class TestLearning:
    """Twelve chips each, of seeds that nothing was chosen on; input that none has seen."""

    @staticmethod
    def measures(D, seed):
        """Of learned chips; also the slope of their weights, and the error of optimal ones."""
        training = Training(
            lambda drive: lif_chips(D, drive=drive, rule=LARGE_TO_SMALL[0][0], dt=DT), 2
        )
        initial = random_weights(len(D), 20, seed)
        state = training.in_phases(initial, noise_drive(2, seed), LARGE_TO_SMALL)
        c = noise_drive(2, seed, stream="test signal")(0, steps(10_000 * ms))
        Omega, optimal = training.weights(state), training.chips.optimal
        own, best = (training.evaluate(w, c).measures for w in (Omega, optimal))
        return {**own, "slope": balance.slope(Omega, optimal), "best": best["error"]}

    def test_random_decoders(self):
        """The nominal decoder misses what the effective one reads."""
        own = self.measures(random_decoder(2, 20, 8101, 12), 8101)
        assert own["correlation"].min() > 0.98
        assert 0.92 < own["slope"].min() < own["slope"].max() < 1.03
        assert (own["error_effective"] < 1.1 * own["best"]).all()
        assert np.median(own["error"]) > 1.3 * np.median(own["best"])

    def test_even_decoders(self):
        own = self.measures(even_decoder(2, 20, 8102, 12), 8102)
        assert own["distance"].max() < 0.001
        assert (own["error"] < 1.1 * own["best"]).all()
