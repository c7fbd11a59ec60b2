"""Least-squares readout: what it finds, and what it leaves out."""

import numpy as np
import pytest
from brian2 import ms
from spike_trains import DT, TAU, smooth, spikes

from ebn_brian import decoding
from ebn_brian.chips.decoders import random_decoder


def test_refit_finds_the_decoder_that_made_the_signal():
    n_steps = 3000
    D = random_decoder(2, 5, seed=1, n_chips=2)
    first, second_ = spikes(2, 5, n_steps, seed=1), spikes(2, 5, n_steps, seed=2)
    x = decoding.decode(*first[:2], D, n_steps, TAU, DT) + 7
    D_fit = decoding.fit_decoder(*first[:2], x, 5, TAU, DT, n_chips=2)
    np.testing.assert_allclose(D_fit, D, atol=1e-9)
    x_other = decoding.decode(*second_[:2], D, n_steps, TAU, DT)
    found = decoding.error_refit(*second_[:2], x_other, D_fit, TAU, DT)
    np.testing.assert_allclose(found, 0, atol=1e-20)
    assert (decoding.error_refit(*second_[:2], x, D_fit, TAU, DT) > 0.1).all()


def test_refit_of_silent_neurons_and_chips():
    x = smooth(2000, 2, seed=8)
    i, t, _ = spikes(1, 3, 2000, seed=8)
    keep = i != 1
    D_fit = decoding.fit_decoder(i[keep], t[keep], x, 3, TAU, DT, n_chips=2)
    assert D_fit.shape == (2, 2, 3)
    assert not D_fit[0, :, 1].any()
    assert D_fit[0, :, [0, 2]].all()
    assert not D_fit[1].any()
    found = decoding.error_refit(i[keep], t[keep], x, D_fit, TAU, DT)
    assert found[0] < 1
    assert found[1] == 1


def test_fit_is_least_squares_on_centred_data():
    r, x = smooth(400, 6, seed=1) + 5, smooth(400, 2, seed=2) - 3
    S, *_ = np.linalg.lstsq(np.column_stack([r, np.ones(400)]), x, rcond=None)
    np.testing.assert_allclose(decoding.fit_readout(r, x), S[:6].T, rtol=1e-8)


def test_fit_of_a_chip_is_that_of_its_filtered_spikes():
    i, t, _ = spikes(2, 4, 3000, seed=5)
    x = smooth(3000, 2, seed=5, n_chips=2)
    r = decoding.filtered_spikes(i, t, 4, 3000, TAU, DT, n_chips=2)
    D = decoding.fit_decoder(i, t, x, 4, TAU, DT, n_chips=2, start=20 * ms)
    for chip in range(2):
        alone = decoding.fit_readout(r[chip, 200:], x[chip, 200:])
        np.testing.assert_array_equal(D[chip], alone)


def test_tails_of_the_start_get_no_large_readout():
    """Two neurons that spiked only together, long ago, are one direction without variance."""
    i, t, step = spikes(1, 6, 10_000, seed=6)
    keep = i > 1
    i = np.concatenate([[0, 1, 0], i[keep]])
    t = np.concatenate([[0, 0, 1], step[keep]]) * DT
    x = smooth(10_000, 2, seed=6)
    r = decoding.filtered_spikes(i, t, 6, 10_000, TAU, DT)[0, 5000:]
    assert r[:, :2].any()
    plain = np.linalg.lstsq(r - r.mean(axis=0), x[5000:], rcond=None)[0].T
    D = decoding.fit_readout(r, x[5000:])
    largest = np.abs(D[:, 2:]).max()
    assert np.abs(plain[:, :2]).max() > 100 * largest
    assert np.abs(D[:, :2]).max() < largest
    others = decoding.fit_readout(r[:, 2:], x[5000:])
    np.testing.assert_allclose(D[:, 2:], others, atol=1e-3 * largest)


@pytest.mark.parametrize(
    ("r", "x", "message"),
    [
        (np.ones((5, 3)), np.ones((6, 2)), r"r has shape \(5, 3\), x \(6, 2\): must be \(n, n_neu"),
        (np.ones((1, 5, 3)), np.ones((5, 2)), "r has shape"),
        (np.ones((5, 3)), np.ones(5), r"x has shape \(5,\)"),
        (np.full((5, 3), np.inf), np.ones((5, 2)), "r contains nan or inf"),
    ],
)
def test_input_is_checked(r, x, message):
    with pytest.raises(ValueError, match=message):
        decoding.fit_readout(r, x)
