"""From transistors to CVs: Pelgrom's law and the exponential of weak inversion."""

import numpy as np
import pytest
from brian2 import metre, mV, um, volt

from ebn_brian.chips import V_UNIT
from ebn_brian.mismatch import sample
from studies.design.sizes import Parameter, cv_of_mirror

A_VT = 3.3 * mV * um
SLOPE = 0.7 / (25.9 * mV)


def test_a_mirror_in_weak_inversion():
    """Its current's ratio is exp(kappa/U_T*dV_T): a simulation of many pairs has the CV."""
    W, L, pairs = 0.5 * um, 0.4 * um, 3
    rng = np.random.default_rng(1)
    sigma = 3.3e-3 / np.sqrt(0.2)  # V, A_VT/sqrt(W*L)
    ratio = np.exp(0.7 / 25.9e-3 * rng.normal(0, sigma, (400_000, pairs))).prod(axis=1)
    cv = cv_of_mirror(A_VT, 0 * metre, SLOPE, W, L, pairs)
    assert cv == pytest.approx(ratio.std() / ratio.mean(), rel=0.01)


def test_a_large_mirror_in_strong_inversion():
    """(sigma_I/I)**2 = (g_m/I*sigma_VT)**2 + sigma_beta**2, Pelgrom et al. 1989."""
    cv = cv_of_mirror(A_VT, 1e-2 * um, 5 / volt, 10 * um, 10 * um, 1)
    assert cv == pytest.approx(np.hypot(5 * 3.3e-4, 1e-3), rel=1e-4)


def test_area_divides_the_variance_of_the_logarithm():
    small = cv_of_mirror(A_VT, 0 * metre, SLOPE, 0.3 * um, 0.3 * um, 2)
    large = cv_of_mirror(A_VT, 0 * metre, SLOPE, 0.6 * um, 0.6 * um, 2)
    assert Parameter("gain", small).scaled(4).cv == pytest.approx(large, rel=1e-9)
    assert Parameter("gain", 0.02).scaled(4).cv == pytest.approx(0.01, rel=1e-3)
    assert Parameter("gain", 0.2, chip=0.1).scaled(4).chip == 0.1  # no matter of size


@pytest.mark.parametrize("distribution", ["lognormal", "gamma", "normal"])
def test_factors_have_mean_and_cv(distribution):
    spread = Parameter("gain", 0.2, distribution=distribution).spread()
    draws = sample(spread, 20_000, 1, 3, "recurrent.gain")
    assert draws.mean() == pytest.approx(1, abs=0.006)
    assert draws.std() == pytest.approx(0.2, rel=0.03)
    assert draws.min() > 0


def test_offsets_are_normal_in_units_of_a_decoder_column():
    spread = Parameter("offset", 0.1, chip=0.05).spread()
    assert spread.unit == V_UNIT
    draws = sample(spread, 100, 400, 3, "recurrent.offset")
    assert draws.mean() == pytest.approx(0, abs=0.01)
    assert draws.std(axis=1).mean() == pytest.approx(0.1, rel=0.03)
    assert draws.mean(axis=1).std() == pytest.approx(np.hypot(0.05, 0.01), rel=0.12)
