"""Mismatch: statistics against theory, streams, and what must be refused."""

import numpy as np
import pytest
from brian2 import NeuronGroup, Synapses, ms, mV, um, volt
from brian2.devices.device import get_device, reset_device, set_device
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ebn_brian.mismatch import Spread, apply_mismatch, area_law, lognormal, sample

N = 100_000


def neurons(n=12, name="cells"):
    group = NeuronGroup(
        n,
        """dv/dt = (v_rest - v)/tau : volt
        tau : second
        v_th : volt
        v_rest : volt
        shape : 1
        order : integer
        all_of_them : 1 (shared)
        twice = 2*v : volt""",
        threshold="v > v_th",
        reset="v = v_rest",
        name=name,
    )
    group.tau, group.v_th, group.v_rest = 20 * ms, -50 * mV, -70 * mV
    return group


def synapses(group, i, j):
    found = Synapses(group, group, "w : volt", on_pre="v_post += w", name="contacts")
    found.connect(i=i, j=j)
    found.w = 1 * mV
    return found


# Statistics


@pytest.mark.parametrize("cv", [0.01, 0.1, 0.2, 0.4, 1.0])
def test_a_cv_is_what_it_says(cv):
    draws = sample(cv, N, 1, 3, "g.x")[0]
    assert draws.min() > 0
    assert abs(draws.mean() - 1) < 4 * cv / np.sqrt(N)
    # the CV of N lognormal draws has itself a standard error: kurtosis of the lognormal
    kurtosis = lognormal(cv).stats("k") + 3
    assert abs(draws.std() / draws.mean() / cv - 1) < max(0.01, 4 * np.sqrt((kurtosis - 1) / 4 / N))
    assert abs(draws.std() / draws.mean() / cv - 1) < 0.05
    assert stats.kstest(draws, lognormal(cv).cdf).pvalue > 1e-4


def test_chip_and_local_parts_add_up():
    """Variances of the logarithms of a product of lognormals add; the shared part is shared."""
    draws = np.log(sample(Spread(local=0.2, chip=0.1), 50, 4000, 3, "g.x"))
    within = draws.var(axis=1, ddof=1).mean()
    between = draws.mean(axis=1).var(ddof=1) - within / 50
    assert within == pytest.approx(np.log1p(0.2**2), rel=0.02)
    assert between == pytest.approx(np.log1p(0.1**2), rel=0.1)
    only_chip = sample(Spread(chip=0.1), 5, 3, 3, "g.x")
    assert (only_chip == only_chip[:, :1]).all()
    assert len(np.unique(only_chip)) == 3


def test_streams_are_uncorrelated():
    """Of parameters, of chips, of groups, of seeds: as a parasitic common stream would be 1."""
    a = [
        sample(0.3, N, [2], 3, "g.x")[0],
        sample(0.3, N, [2], 3, "g.y")[0],
        sample(0.3, N, [3], 3, "g.x")[0],
        sample(0.3, N, [2], 4, "g.x")[0],
        sample(0.3, N, [2], 3, "h.x")[0],
    ]
    correlation = np.corrcoef(a) - np.eye(len(a))
    assert np.abs(correlation).max() < 5 / np.sqrt(N)
    assert abs(np.corrcoef(a[0][1:], a[0][:-1])[0, 1]) < 5 / np.sqrt(N)


DISTRIBUTIONS = st.one_of(
    st.floats(0, 1),
    st.floats(0.01, 1).map(lognormal),
    st.floats(0.5, 50).map(lambda k: stats.gamma(k, scale=1 / k)),
    st.floats(0.01, 0.99).map(lambda h: stats.uniform(1 - h, 2 * h)),
    st.floats(0.1, 4).map(lambda s: stats.weibull_min(s)),
)


@settings(max_examples=40, deadline=None)
@given(
    DISTRIBUTIONS, DISTRIBUTIONS, st.integers(1, 30), st.integers(1, 6), st.integers(0, 2**32 - 1)
)
def test_factors_are_positive_and_addressed(local, chip, n_elements, n_chips, seed):
    spread = Spread(local, chip)
    draws = sample(spread, n_elements, n_chips, seed, "g.x")
    assert draws.shape == (n_chips, n_elements)
    assert (draws > 0).all()
    assert np.isfinite(draws).all()
    more = sample(spread, n_elements + 7, n_chips + 3, seed, "g.x")
    np.testing.assert_array_equal(more[:n_chips, :n_elements], draws)
    one = sample(spread, n_elements, [n_chips - 1], seed, "g.x")
    np.testing.assert_array_equal(one[0], draws[-1])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([stats.norm(1, 0.5), lognormal(0.6), stats.uniform(0, 2)]),
    st.floats(0, 0.3),
    st.floats(0.05, 0.8),
    st.floats(1.1, 4),
)
def test_bounds_hold_whatever_the_parts(local, chip, low, high):
    draws = sample(Spread(local, chip, low=low, high=high), 500, 3, 1, "g.x")
    assert draws.min() >= low
    assert draws.max() <= high


def test_a_bounded_distribution_is_cut_not_heaped():
    """Truth: scipy's truncated normal. Clipping would put a heap on each bound."""
    draws = sample(Spread(stats.norm(1, 0.5), low=0.5, high=1.25), N, 1, 1, "g.x")[0]
    expected = stats.truncnorm((0.5 - 1) / 0.5, (1.25 - 1) / 0.5, loc=1, scale=0.5)
    assert stats.kstest(draws, expected.cdf).pvalue > 1e-4


def test_a_chip_keeps_its_ranks_when_the_cv_changes():
    few, many = (sample(cv, 1000, 1, 3, "g.x")[0] for cv in (0.05, 0.4))
    assert (few.argsort() == many.argsort()).all()
    assert (sample(0, 1000, 1, 3, "g.x") == 1).all()


def test_the_numbers_of_a_chip_never_change():
    """Pinned: published chips are named by seed and number."""
    np.testing.assert_allclose(
        sample(0.2, 3, [17], 7, "neurons.tau_m")[0],
        [0.9775808830942344, 0.9521257774370432, 1.0150005395240829],
        rtol=1e-12,
    )


def test_area_law():
    assert area_law(3e-3 * volt * um, 2 * um, 8 * um) == pytest.approx(0.75e-3)
    assert area_law(0.01, 4, 1) == 0.005
    with pytest.raises(ValueError, match=r"W=.*positive"):
        area_law(0.01, 0, 1)


# Groups of any script


def test_neurons_get_what_the_sampler_draws():
    group = neurons(12)
    drawn = apply_mismatch(group, {"tau": 0.2}, seed=5, chips=3)
    expected = sample(0.2, 4, 3, 5, "cells.tau").ravel()
    np.testing.assert_array_equal(drawn["tau"], expected)
    np.testing.assert_allclose(group.tau / ms, 20 * expected)


def test_a_chip_is_itself_in_any_batch():
    all_of_them, some = neurons(20), neurons(8)
    apply_mismatch(all_of_them, {"tau": 0.2, "v_th": Spread(0.1, above="v_rest")}, seed=5, chips=5)
    apply_mismatch(some, {"v_th": Spread(0.1, above="v_rest")}, seed=5, chips=[3, 1])
    np.testing.assert_array_equal(np.array(some.v_th)[:4], np.array(all_of_them.v_th)[12:16])
    np.testing.assert_array_equal(np.array(some.v_th)[4:], np.array(all_of_them.v_th)[4:8])


def test_a_threshold_varies_above_rest():
    group = neurons(4)
    draws = apply_mismatch(group, {"v_th": Spread(0.1, above="v_rest")}, seed=5)["v_th"]
    np.testing.assert_allclose(group.v_th / mV, -70 + 20 * draws)


def test_offsets_are_added():
    group = neurons(N)
    apply_mismatch(group, {"v_rest": Spread(2.0, unit=mV)}, seed=5)
    offset = np.array(group.v_rest / mV) + 70
    assert stats.kstest(offset, stats.norm(0, 2).cdf).pvalue > 1e-4


def test_synapses_of_any_connectivity():
    """Every synapse has a draw of its own, counted within the chip of its target or source."""
    rng = np.random.default_rng(0)
    i, j = rng.integers(0, 12, (2, 200))
    for side, chip in (("target", j // 4), ("source", i // 4)):
        contacts = synapses(neurons(12), i, j)
        drawn = apply_mismatch(contacts, {"w": 0.3}, seed=5, chips=3, chip_of=side)["w"]
        expected = sample(0.3, np.bincount(chip).max(), 3, 5, "contacts.w")
        for c in range(3):
            np.testing.assert_array_equal(drawn[chip == c], expected[c, : (chip == c).sum()])
        np.testing.assert_allclose(contacts.w / mV, drawn)


@pytest.fixture
def standalone():
    set_device("cpp_standalone", build_on_run=False)
    yield
    get_device().reinit()
    reset_device("runtime")


@pytest.mark.usefixtures("standalone")
def test_standalone():
    """The same draws; values of synapses are not known there and must be told."""
    group = neurons(6)
    apply_mismatch(group, {"tau": 0.2}, seed=5, chips=3)
    np.testing.assert_allclose(group.tau / ms, 20 * sample(0.2, 2, 3, 5, "cells.tau").ravel())
    contacts = synapses(group, np.arange(6), np.arange(6))
    with pytest.raises(ValueError, match="nominal"):
        apply_mismatch(contacts, {"w": 0.2}, seed=5, chips=3)
    apply_mismatch(contacts, {"w": 0.2}, seed=5, chips=3, nominal={"w": 1 * mV})
    with pytest.raises(ValueError, match="already"):
        apply_mismatch(contacts, {"w": 0.2}, seed=5, chips=3)


# What must be refused


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tua": 0.1}, r"cells\.tua: is unknown; can be spread: shape, tau, v, v_rest, v_th"),
        ({"twice": 0.1}, r"twice: is not a real number"),
        ({"order": 0.1}, r"order: is not a real number"),
        ({"all_of_them": 0.1}, r"all_of_them: is not a real number for each element"),
        ({"N": 0.1}, r"N: is not a real number"),
        ({"tau": -0.1}, r"cells\.tau: .*-0\.1.*at least 0"),
        ({"tau": float("nan")}, r"cells\.tau: .*nan"),
        ({"tau": stats.norm(1, 0.1)}, r"cells\.tau: .*low="),
        ({"tau": Spread(1.0, unit=mV)}, r"cells\.tau: .*another unit"),
        ({"tau": Spread(30.0, unit=ms)}, r"cells\.tau: becomes -.*low="),
        ({"v_th": Spread(0.1, above="tau")}, r"above='tau' has another unit"),
        ({"v_th": Spread(0.1, above="nothing")}, r"nothing: is unknown"),
        ({"shape": 0.1}, r"shape: is zero throughout"),
        ({"tau": Spread(stats.uniform(0, 1), low=2)}, r"nothing of the distribution"),
        ({"tau": Spread(stats.uniform(0, 1), low=1)}, r"nothing of the distribution"),
    ],
)
def test_parameters_that_cannot_be_spread(parameters, message):
    """With an error that names them, and without a change to any parameter."""
    group = neurons()
    with pytest.raises(ValueError, match=message):
        apply_mismatch(group, {"v_rest": 0.1, **parameters}, seed=1)
    assert (group.v_rest == -70 * mV).all()


@pytest.mark.parametrize("given", [0.1 * ms, [0.1, 0.2], "0.1", None, stats.norm, 0.1j])
def test_what_is_no_distribution(given):
    with pytest.raises(TypeError, match=r"cells\.tau: .*frozen scipy"):
        apply_mismatch(neurons(), {"tau": given}, seed=1)


def test_spreads_that_contradict_themselves():
    with pytest.raises(ValueError, match="low=2"):
        Spread(0.1, low=2, high=1)
    with pytest.raises(ValueError, match="above"):
        Spread(0.1, above="v_rest", unit=mV)
    with pytest.raises(ValueError, match="one distribution"):
        Spread(stats.lognorm([0.1, 0.2]))


def test_applying_twice():
    """Is refused, in whatever call; but not after the group has its old values back."""
    group = neurons()
    apply_mismatch(group, {"tau": 0.1}, seed=1)
    apply_mismatch(group, {"v_rest": 0.1}, seed=1)
    with pytest.raises(ValueError, match=r"cells\.tau: has its mismatch already"):
        apply_mismatch(group, {"tau": 0.2}, seed=2)
    group.tau = 20 * ms
    apply_mismatch(group, {"tau": 0.2}, seed=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chips": 5}, "5 cannot be equal parts of the 12 neurons"),
        ({"chips": 0}, "chips=0"),
        ({"chips": [1, 1]}, "different numbers"),
        ({"chips": [-1, 1]}, "at least 0"),
        ({"chip_of": "post"}, "chip_of='post': must be one of target, source"),
        ({"nominal": {"tau": 1 * mV}}, r"tau: nominal=1\. mV has another unit"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        apply_mismatch(neurons(), {"tau": 0.1}, **{"seed": 1, **options})
