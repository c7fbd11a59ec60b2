"""Chips with slow synapses: plain numpy, theory, all targets, and what is refused."""

import numpy as np
import pytest
from brian2 import Hz, Network, SpikeMonitor, Synapses, TimedArray, ms, mV, second
from helpers import DT, needs_toolkit, simulate, timed

from ebn_brian import decoding, devices
from ebn_brian.chips import (
    Features,
    dynamics_blueprint,
    dynamics_chips,
    lif_chips,
    random_decoder,
    slow_weights,
)
from ebn_brian.chips.dynamics import by_signal
from ebn_brian.equations import slow
from ebn_brian.mismatch import apply_mismatch, spread
from ebn_brian.plasticity import ContinuousRule
from ebn_brian.signals import smoothed_noise
from ebn_brian.training import Training

N_STEPS, TAU, UNIT = 2000, 0.1, 0.01
A = np.array([[-1.0, -8.0], [8.0, -1.0]])
K, ETA = 50.0, 5.0
TAUGHT = {"neurons.K": K * Hz, "neurons.eta": ETA * Hz**2}


def drive(n_steps: int = N_STEPS) -> np.ndarray:
    """Command, and drive of the signal to be followed."""
    c = np.asarray(smoothed_noise(n_steps * DT, 2, 3, std=300 * Hz))
    return np.hstack([c, 1.3 * c[:, ::-1]])


def network(n_chips: int = 2, n: int = 10, **options):
    """What makes taught chips whose fast weights learn as well."""

    def make_network() -> Network:
        D = random_decoder(2, n, 5, n_chips=n_chips)
        given = TimedArray(drive() * Hz, DT, name="drive")
        rule = ContinuousRule(0.01, kappa=1.5, learn_reset=True)
        options_ = {"taught": True, "rule": rule, "tau_m": 100 * ms, "A": A * Hz} | options
        chips = dynamics_chips(D, drive=given, dt=DT, **options_)
        apply_mismatch(chips.others[-1], {"gain": 0.1}, seed=3, chips=n_chips, nominal={"gain": 1})
        return Network(chips.objects, SpikeMonitor(chips.neurons, name="spikes"))

    return make_network


def reference(D, gain, c, rule, steps=N_STEPS):
    """One chip, step by step, with loops over spikes."""
    n, dt = D.shape[1], 1e-4
    v, r, i_slow, e = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(2)
    m, B, w = (A + np.eye(2) / TAU) @ D, D * UNIT, -np.eye(n)
    threshold, spikes = rule.kappa / 2 * UNIT, []
    for k in range(steps):
        dv = -v / TAU + B.T @ c[k, :2] + i_slow + K * (B.T @ e)
        dm = ETA * np.outer(e, r)
        v, i_slow, r, e, m = (
            v + dt * dv,
            i_slow - dt * i_slow / TAU,
            r - dt * r / TAU,
            e + dt * (c[k, 2:] - e / TAU),
            m + dt * dm,
        )
        if (v > threshold).any():
            s = int(np.argmax(v))
            w[:, s] -= rule.eps * (rule.beta * v / UNIT + w[:, s])
            v = v + w[:, s] * UNIT
            i_slow = i_slow + gain[:, s] * (B.T @ m[:, s])
            e = e - D[:, s]
            r[s] += 1
            spikes.append((k, s))
    return spikes, v, m, e, i_slow


READ = ["spikes.i", "spikes.t", "recurrent.w", "neurons.v", "neurons.i_slow", "slow.gain"]
READ += [f"neurons.{name}_{j}" for name in "em" for j in range(2)]


def test_plain_numpy():
    run = devices.build(network(), "numpy").run(TAUGHT, duration=N_STEPS * DT, read=READ)
    rule = ContinuousRule(0.01, kappa=1.5, learn_reset=True)
    for chip, D in enumerate(random_decoder(2, 10, 5, n_chips=2)):
        gain = run["slow.gain"].reshape(2, 10, 10)[chip].T
        assert np.std(gain) > 0.05
        spikes, v, m, e, i_slow = reference(D, gain, drive(), rule)
        mine = run["spikes.i"] // 10 == chip
        steps = np.rint(run["spikes.t"][mine] / 1e-4).astype(int)
        assert list(zip(steps, run["spikes.i"][mine] % 10, strict=True)) == spikes
        assert len(spikes) > 50
        for name, value in (("v", v), ("i_slow", i_slow), ("m_0", m[0]), ("m_1", m[1])):
            own = run[f"neurons.{name}"].reshape(2, 10)[chip]
            np.testing.assert_allclose(own, value, rtol=1e-9, atol=1e-11)
        own = run["neurons.e_1"].reshape(2, 10)[chip]
        np.testing.assert_allclose(own, e[1], rtol=0, atol=1e-10)  # every neuron has the error


@pytest.mark.slow
@pytest.mark.parametrize("target", ["cython", "cpp_standalone", "cpp_fused"])
def test_all_targets_give_the_same_bits(target):
    one, other = (
        devices.build(network(), device).run(TAUGHT, duration=N_STEPS * DT, read=READ)
        for device in ("numpy", target)
    )
    for name in READ:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.slow
@needs_toolkit
def test_it_links_for_cuda(tmp_path):
    program = devices.build(network(), "cuda_standalone", tmp_path)
    assert program.serial == ()


def test_synapse_by_synapse_it_is_the_same():
    """Weights that follow ``eta (F e)_n r_k`` each by itself are ``B_n . m_k``."""
    D = random_decoder(2, 6, 2, n_chips=2)
    chips = dynamics_chips(
        D, drive=timed(drive()), taught=True, kappa=1.5, tau_m=100 * ms, dt=DT, reset="subtractive"
    )
    # autapses as well, in the order of the slow synapses
    local = Synapses(
        chips.neurons, chips.neurons, slow.LOCAL, method="euler",
        namespace={}, name="local", clock=chips.neurons.clock,
    )  # fmt: skip
    local.connect(i=np.asarray(chips.others[-1].i), j=np.asarray(chips.others[-1].j))
    chips.neurons.K, chips.neurons.eta = K * Hz, ETA * Hz**2
    Network(chips.objects, local).run(N_STEPS * DT, namespace={})
    B = np.stack([np.asarray(getattr(chips.neurons, f"B_{j}")) for j in range(2)])
    m = np.stack([np.asarray(getattr(chips.neurons, f"m_{j}")) for j in range(2)])
    i, j = np.asarray(local.i), np.asarray(local.j)
    expected = (B[:, j] * m[:, i]).sum(0)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(np.asarray(local.w), expected, rtol=1e-9, atol=1e-14)


def test_features_are_summed_up():
    """``i_slow = B . sum of m psi``, with ``psi = tanh(M r + theta)``."""
    D = random_decoder(2, 6, 2, n_chips=2)
    features = Features.random(2, 5, 6, seed=3, std=0.5)
    chips = dynamics_chips(D, drive=timed(drive()), features=features, tau_m=100 * ms, dt=DT)
    learner = chips.others[-4]
    chips.neurons.K, learner.eta = K * Hz, ETA * Hz**2
    spikes = SpikeMonitor(chips.neurons, name="spikes")
    net = Network(chips.objects, spikes)
    net.run(0.1 * second, namespace={})
    m = np.stack([np.asarray(getattr(learner, f"m_{j}")) for j in range(2)]).reshape(2, 2, 5)
    psi = np.asarray(learner.psi[:]).reshape(2, 5)
    net.run(DT, namespace={})  # sums are taken at the beginning of a step
    u = np.einsum("jcp,cp->cj", m, psi)
    B = np.stack([np.asarray(getattr(chips.neurons, f"B_{j}")) for j in range(2)]).reshape(2, 2, 6)
    own = np.asarray(chips.neurons.i_slow[:]).reshape(2, 6)
    np.testing.assert_allclose(own, np.einsum("jcn,cj->cn", B, u), rtol=1e-9, atol=1e-15)
    assert np.abs(m).max() > 0
    r = decoding.filtered_spikes(spikes.i, spikes.t, 6, 1001, 100 * ms, DT, 2)[:, -1]
    h = np.asarray(learner.h[:]).reshape(2, 5)
    np.testing.assert_allclose(h, np.einsum("cpn,cn->cp", features.M, r), rtol=1e-9, atol=1e-12)


def test_without_slow_weights_it_is_a_lif_chip():
    D, c = random_decoder(2, 10, 5), drive()[:, :2]
    ours = simulate(dynamics_chips(D, drive=timed(c), dt=DT), 0.1 * second)
    theirs = simulate(lif_chips(D, drive=timed(c), dt=DT, name="other"), 0.1 * second)
    assert len(ours.i) > 20
    np.testing.assert_array_equal(ours.i, theirs.i)


@pytest.mark.slow
def test_theory_follows_and_forgets_nothing():
    """Boerlin et al. 2013: relative error below 5 %, also once the command ends."""
    D = random_decoder(2, 50, 77, n_chips=10)
    training = Training(
        lambda d: dynamics_chips(
            D, drive=d, A=A * Hz, kappa=1.2, tau_m=100 * ms, reset="subtractive", dt=DT
        ),
        2,
    )
    c = np.array(smoothed_noise(6 * second, 2, 77, std=80 * Hz, sigma=100 * ms))
    x = np.zeros(c.shape)
    for k in range(len(c) - 1):
        x[k + 1] = x[k] + 1e-4 * (A @ x[k] + c[k])
    seen = training.evaluate(training.chips.optimal, c * Hz)
    x_hat = decoding.decode(seen.i, seen.t, D, len(c), 100 * ms, DT)
    rmse = np.sqrt(((x - x_hat) ** 2).sum((1, 2)) / (x**2).sum())
    assert rmse.max() < 0.05


def test_weights_by_theory():
    D = random_decoder(2, 10, 5, n_chips=3)
    m = slow_weights(D, A * Hz, 100 * ms)
    np.testing.assert_allclose(np.asarray(m), (A + 10 * np.eye(2)) @ D)
    chips = dynamics_blueprint(D, A=A * Hz, tau_m=100 * ms)
    assert set(by_signal("neurons.m", m)) < set(chips.parameters)
    values = spread(chips.values(), {"slow.gain": 0.2, "neurons.tau_slow": 0.1}, seed=1, chips=3)
    assert np.std(values["slow.gain"]) == pytest.approx(0.2, rel=0.2)
    assert np.std(np.asarray(values["neurons.tau_slow"])) > 0.005


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"A": A}, TypeError, "(?s)A=.*must be in hertz"),
        ({"A": A[:1] * Hz}, ValueError, r"A has shape \(1, 2\): must be \(2, 2\)"),
        ({"A": A * np.nan * Hz}, ValueError, "A contains nan"),
        ({"taught": True}, ValueError, r"must be a TimedArray \(n_steps, 4\)"),
        ({"tau_m": -1 * ms}, ValueError, "tau_m="),
        ({"A": A * Hz, "features": 1}, ValueError, "A: must be None with features"),
        ({"features": 2}, ValueError, r"features.M has shape \(2, 3, 6\)"),
        ({"sigma": 1 * mV * mV}, ValueError, "sigma="),
    ],
)
def test_what_is_refused(options, error, message):
    if "features" in options:
        options = options | {"features": Features.random(options["features"], 3, 6, seed=1)}
    with pytest.raises(error, match=message):
        dynamics_chips(random_decoder(2, 6, 1), drive=timed(drive()[:, :2]), **options)


def test_features_of_another_type():
    with pytest.raises(TypeError, match="features=3: must be Features"):
        dynamics_chips(random_decoder(2, 6, 1), drive=timed(drive()), features=3)


def test_features_of_wrong_shapes():
    with pytest.raises(ValueError, match="Features: M has shape"):
        Features(np.zeros((1, 3, 4)), np.zeros((1, 2)))
