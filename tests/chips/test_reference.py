"""The Brian2 model against an independent simulation: same spikes, same counters, step by step."""

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, second
from helpers import DT, timed
from reference_simulation import Rule, simulate

from ebn_brian import balance, devices, signals
from ebn_brian.chips import Layout, lif_chips, random_decoder, random_weights
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.seeds import generator

STEP = 0.04  # of |D|^2, and of the 10 mV that stand for it


def drive(duration: float, n_signals: int = 2, seed: int = 11) -> np.ndarray:
    return np.asarray(signals.smoothed_noise(duration * second, n_signals, seed))


def check(D, Omega, c, *, step=STEP, rule=None, values=None, mismatch=None, kappa=None, **options):
    """Both simulations of the same chips; the shared outcome of the chips of the reference.

    `rule` are the parameters of the reference's rule, `values` the Brian2 arrays that differ from
    the built ones and `mismatch` the same in the words of the reference.
    """
    ours = theirs = None
    if rule is not None:
        theirs = Rule(step=step * 0.01, **rule)
        bits = None if np.isinf(theirs.rail) else int(np.log2(theirs.rail + 1)) + 1
        ours = DiscreteRule(step, theirs.kappa, theirs.dead_zone / 0.01, bits, theirs.autapse)

    def make_network():
        chips = lif_chips(D, Omega, timed(c), rule=ours, kappa=kappa, dt=DT, **options)
        return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))

    program = devices.build(make_network, "numpy")
    run = program.run(
        values or {},
        duration=len(c) * DT,
        read=["spikes.i", "spikes.t", "recurrent.w", "neurons.v"],
    )
    n, autapses = D.shape[-1], theirs is not None and theirs.autapse
    counters = Layout(len(D), n, autapses).to_matrices(run["recurrent.w"])
    wired = ~np.eye(n, dtype=bool) | autapses
    steps = np.rint(run["spikes.t"] / 1e-4).astype(int)
    outcomes = []
    for chip in range(len(D)):
        mine = run["spikes.i"] // n == chip
        spikes = sorted(zip(steps[mine], run["spikes.i"][mine] % n, strict=True))
        unit = step if rule is not None else 1
        expected = simulate(
            D[chip],
            Omega[chip] / unit,
            c,
            step=unit * 0.01,
            rule=theirs,
            kappa=kappa or (theirs.kappa if theirs else 2.5),
            **{k: v for k, v in options.items() if k in ("reset", "synapse", "greedy")},
            **{k: np.asarray(v)[chip] for k, v in (mismatch or {}).items()},
        )
        assert spikes == expected.spikes
        np.testing.assert_allclose(counters[chip][wired], expected.w[wired], rtol=0, atol=1e-9)
        np.testing.assert_allclose(
            run["neurons.v"].reshape(-1, n)[chip], expected.v, rtol=0, atol=1e-12
        )
        outcomes.append(expected)
    return outcomes


def chips(n_chips=2, n_neurons=12, n_signals=2, step=STEP, seed=5, largest=None):
    D = random_decoder(n_signals, n_neurons, seed, n_chips=n_chips)
    Omega = random_weights(n_chips, n_neurons, seed, step=step, max_weight=largest)
    return D, Omega


def test_two_seconds_of_learning():
    D, Omega = chips(n_chips=3, n_neurons=20)
    outcomes = check(D, Omega, drive(2), rule={"kappa": 2.5, "dead_zone": 0.0025})
    for outcome, initial, decoder in zip(outcomes, Omega, D, strict=True):
        assert len(outcome.spikes) > 300
        learned = outcome.w * STEP
        optimal = balance.optimal_weights(decoder)
        assert balance.distance(learned, optimal) < balance.distance(initial, optimal) / 2


CALM = {"kappa": 2.5, "dead_zone": 0.0025}
VARIANTS = {
    "exponential synapse": {"rule": CALM, "synapse": "exponential"},
    "subtractive reset": {"rule": CALM, "reset": "subtractive"},
    "learned reset": {"rule": CALM | {"autapse": True}},
    "several spikes a step": {"rule": CALM, "greedy": False},
    "several spikes, learned reset": {"rule": CALM | {"autapse": True}, "greedy": False},
    "exponential, subtractive, several": {
        "rule": CALM,
        "synapse": "exponential",
        "reset": "subtractive",
        "greedy": False,
    },
    "equation (3) of the paper": {"rule": {"kappa": 1.0, "dead_zone": STEP * 0.01 / 2}},
    "thresholds of another kappa": {"rule": CALM, "kappa": 3.0},
    "no learning": {},
    "no learning, subtractive": {"reset": "subtractive", "kappa": 2.0},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_variants(variant):
    D, Omega = chips()
    if (variant.get("rule") or {}).get("autapse"):
        Omega = Omega - np.eye(12)  # a reset to begin with
    outcomes = check(D, Omega, drive(0.3), **variant)
    assert all(len(outcome.spikes) > 50 for outcome in outcomes)
    most = max(
        np.unique([k for k, _ in outcome.spikes], return_counts=True)[1].max()
        for outcome in outcomes
    )
    assert (most > 1) == (variant.get("greedy") is False)


def test_rails():
    D, Omega = chips(step=0.25, largest=0.75)
    rule = {"kappa": 2.5, "dead_zone": 0.002, "rail": 3}
    outcomes = check(D, Omega, drive(0.4), step=0.25, rule=rule)
    assert all(np.abs(outcome.w).max() == 3 for outcome in outcomes)


def test_one_and_three_signals():
    for n_signals in (1, 3):
        D, Omega = chips(n_signals=n_signals)
        check(D, Omega, drive(0.2, n_signals), rule=CALM)


def test_devices_that_differ():
    """Every neuron its own leak and resting potential, every synapse its own gain."""
    D, Omega = chips()
    rng = generator(3, "mismatch")
    n_chips, n = len(D), D.shape[-1]
    tau_m = 0.05 * rng.lognormal(0, 0.2, (n_chips, n))
    v_rest = -0.06 + 0.002 * rng.normal(size=(n_chips, n))
    gain = rng.lognormal(0, 0.2, (n_chips, n, n))
    values = {
        "neurons.tau_m": tau_m,
        "neurons.v_rest": v_rest,
        "neurons.v": v_rest,
        "neurons.v_th": v_rest + 0.0125,
        "neurons.v_reset": v_rest + 0.0025,
        "recurrent.gain": Layout(n_chips, n, autapses=False).to_synapses(gain),
    }
    mismatch = {"tau_m": tau_m, "v_rest": v_rest, "gain": gain}
    check(D, Omega, drive(0.3), rule=CALM, values=values, mismatch=mismatch)
    check(D, Omega, drive(0.1), values=values, mismatch=mismatch)
