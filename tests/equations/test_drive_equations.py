"""The input of a neuron as text: one sum, or parts of one where there are many signals."""

import numpy as np
import pytest
from brian2 import Hz, Network, NeuronGroup, TimedArray, ms, mV
from helpers import simulate, timed

from ebn_brian.chips import dpi_chips, lif_chips, random_decoder
from ebn_brian.equations import drive
from ebn_brian.signals import smoothed_noise


@pytest.mark.parametrize("n_signals", [1, 65, 130])
def test_the_input_is_the_weighted_sum(n_signals):
    rng = np.random.default_rng(n_signals)
    c, F = rng.normal(size=(3, n_signals)), rng.normal(size=(n_signals, 4))
    neurons = NeuronGroup(
        4,
        "dv/dt = total : volt\n" + drive.model("total", "volt/second", "volt", n_signals),
        method="euler",
        namespace={"drive": TimedArray(c * Hz, 0.1 * ms)},
    )
    for j in range(n_signals):
        setattr(neurons, f"F_{j}", F[j] * mV)
    text = drive.statements("total", n_signals)
    assert (text is None) == (n_signals <= drive.LONGEST)
    network = Network(neurons)
    if text is not None:
        network.add(neurons.run_regularly(text))
    for step in range(3):
        before = neurons.v_[:].copy()
        network.run(0.1 * ms, namespace={})
        expected = c[step] @ F * 1e-3 * 1e-4
        np.testing.assert_allclose(neurons.v_[:] - before, expected, atol=1e-18)


def test_one_sum_as_long_as_the_parser_takes():
    assert drive.statements("total", 64) is None
    assert drive.statements("total", 65) == (
        f"total = {' + '.join(f'F_{j}*drive(t, {j})' for j in range(64))}\n"
        "total += F_64*drive(t, 64)\n"
    )


def test_one_signal_to_read():
    assert drive.model("c", "volt/second", "volt", 1) == (
        "c = F_0*drive(t, 0) : volt/second\nF_0 : volt\n"
    )


@pytest.mark.parametrize("make", [lif_chips, dpi_chips])
def test_more_signals_than_one_sum_holds(make):
    """They come through a variable of the neurons, the last as the first."""
    c, D = np.zeros((1000, 70)), np.zeros((70, 4))
    used = [0, 69]
    c[:, used] = smoothed_noise(100 * ms, 2, 3)
    D[used] = random_decoder(2, 4, 1)
    few = simulate(make(D[used], None, timed(c[:, used]), name="few"), 100 * ms)
    many = simulate(make(D, None, timed(c), name="many"), 100 * ms)
    assert few.num_spikes > 5
    np.testing.assert_array_equal(few.i, many.i)
    np.testing.assert_array_equal(few.t_, many.t_)
