"""Run-time values that are spread: the same chips as those whose groups are."""

import numpy as np
import pytest
from brian2 import Hz, Quantity, TimedArray, get_dimensions, ms, mV, nA, pA
from scipy import stats

from ebn_brian.chips import dpi_blueprint, dpi_chips, lif_blueprint, lif_chips, random_decoder
from ebn_brian.mismatch import Spread, apply_mismatch, sample, spread
from ebn_brian.plasticity import DiscreteRule

RULE = DiscreteRule.calm(n_bits=6)
N_CHIPS, N = 3, 5
D = random_decoder(2, N, 1, n_chips=N_CHIPS)
DRIVE = TimedArray(np.zeros((2, 2)) * Hz, 0.1 * ms)
#: What can be spread of each kind of chips: CVs, measured factors, offsets, what lies above rest.
PARAMETERS = {
    "lif": {
        "neurons.tau_m": 0.1,
        "neurons.v_th": Spread(0.1, above="v_rest"),
        "neurons.v_rest": Spread(0.3, unit=mV),
        "neurons.F_1": stats.gamma(25, scale=1 / 25),
        "recurrent.gain": Spread(local=0.2, chip=0.05),
    },
    "dpi": {
        "neurons.tau": 0.1,
        "neurons.I_th": Spread(0.2, low=0.5),
        "neurons.I_spk": Spread(0.1, above="I_ref"),
        "neurons.I_dc": Spread(20, unit=pA),
        "neurons.gain_e": np.linspace(0.8, 1.2, N),
        "neurons.F_0": np.linspace(0.8, 1.2, N_CHIPS * N).reshape(N_CHIPS, N),
        "recurrent.gain": 0.2,
    },
}
MAKE = {"lif": (lif_chips, lif_blueprint), "dpi": (dpi_chips, dpi_blueprint)}


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("name", ["", "left"])
@pytest.mark.parametrize("learn_reset", [False, True])
def test_the_same_chips_as_spread_groups(kind, name, learn_reset):
    rule = DiscreteRule(0.04, n_bits=6, learn_reset=learn_reset)
    chips = MAKE[kind][0](D, None, DRIVE, rule=rule, name=name)
    blueprint = MAKE[kind][1](D, rule=rule, name=name)
    parameters = {chips.called(key): value for key, value in PARAMETERS[kind].items()}
    values = spread(blueprint.values(), parameters, seed=7, chips=N_CHIPS)
    for key, given in PARAMETERS[kind].items():
        kind_of_group, _, variable = key.partition(".")
        group = getattr(chips, kind_of_group)
        before = np.array(group.state(variable, use_units=False))
        drawn = apply_mismatch(group, {variable: given}, seed=7, chips=N_CHIPS)[variable]
        assert np.ptp(drawn) > 0
        held = group.state(variable, use_units=False)[:]
        value = values[chips.called(key)]
        assert (held != before).any()
        np.testing.assert_array_equal(np.asarray(value), held, key)
        assert get_dimensions(value) == group.variables[variable].dim
    untouched = values.keys() - parameters.keys()
    for key in untouched:
        np.testing.assert_array_equal(values[key], blueprint.values()[key])


@pytest.mark.parametrize("kind", MAKE)
def test_nominal_values_stay_as_they_were(kind):
    values = MAKE[kind][1](D).values()
    before = {key: np.array(value) for key, value in values.items()}
    spread(values, PARAMETERS[kind], seed=7, chips=N_CHIPS)
    for key, value in values.items():
        np.testing.assert_array_equal(np.asarray(value), before[key])


def test_streams_are_those_of_the_full_names():
    values = lif_blueprint(D, name="left").values()
    after = spread(values, {"left_neurons.tau_m": 0.2}, seed=7, chips=N_CHIPS)
    factors = sample(0.2, N, N_CHIPS, 7, "left_neurons.tau_m").ravel()
    np.testing.assert_array_equal(after["left_neurons.tau_m"], 50 * ms * factors)


def test_a_chip_is_itself_in_any_batch():
    """Whatever chips there are beside it, and however often it comes."""
    D = random_decoder(2, N, 1)
    every = spread(lif_blueprint(D, n_chips=6).values(), {"recurrent.gain": 0.2}, seed=5, chips=6)
    numbers = [4, 1, 4]
    some = spread(
        lif_blueprint(D, n_chips=3).values(), {"recurrent.gain": 0.2}, seed=5, chips=numbers
    )
    gain = np.asarray(every["recurrent.gain"]).reshape(6, -1)
    np.testing.assert_array_equal(some["recurrent.gain"], gain[numbers].ravel())


def test_measured_factors():
    """Those of each element, for all chips or chip by chip, in place of draws."""
    values = lif_blueprint(D).values()
    one = np.linspace(0.8, 1.2, N)
    each = np.linspace(0.8, 1.2, N_CHIPS * N).reshape(N_CHIPS, N)
    for measured in (one, each):
        after = spread(values, {"neurons.tau_m": measured}, seed=7, chips=N_CHIPS)["neurons.tau_m"]
        expected = np.broadcast_to(measured, (N_CHIPS, N)).ravel()
        np.testing.assert_allclose(after / (50 * ms), expected, rtol=1e-15)
    chip = spread(values, {"neurons.tau_m": Spread(one, chip=0.1)}, seed=7, chips=N_CHIPS)[
        "neurons.tau_m"
    ]
    ratio = np.asarray(chip / (50 * ms)).reshape(N_CHIPS, N) / one
    np.testing.assert_allclose(ratio, ratio[:, :1].repeat(N, axis=1), rtol=1e-12)
    assert len(np.unique(ratio.round(9))) == N_CHIPS


def test_measured_offsets():
    """In units of the spread: they are added."""
    values = lif_blueprint(D).values()
    offsets = np.linspace(-2, 2, N)
    parameters = {"neurons.v_rest": Spread(offsets, unit=mV)}
    after = spread(values, parameters, seed=7, chips=N_CHIPS)["neurons.v_rest"]
    np.testing.assert_allclose(after / mV, np.tile(offsets, N_CHIPS), rtol=1e-15)


def test_above_is_what_lies_above_the_value_given():
    """The threshold keeps its distance in the mean wherever rest lies: nominal, not spread."""
    values = lif_blueprint(D).values()
    values["neurons.v_th"] = values["neurons.v_th"] - 60 * mV
    parameters = {
        "neurons.v_th": Spread(0.1, above="v_rest"),
        "neurons.v_rest": Spread(1.0, unit=mV),
    }
    values["neurons.v_rest"] = np.full(N_CHIPS * N, -60) * mV
    after = spread(values, parameters, seed=7, chips=N_CHIPS)
    factors = sample(0.1, N, N_CHIPS, 7, "neurons.v_th").ravel()
    np.testing.assert_allclose(after["neurons.v_th"] / mV, -60 + 12.5 * factors, rtol=1e-12)


def test_above_may_be_one_value_for_all():
    values = {"a.v": np.full(4, -50) * mV, "a.rest": -70 * mV}
    after = spread(values, {"a.v": Spread(0.1, above="rest")}, seed=7)["a.v"]
    np.testing.assert_allclose(after / mV, -70 + 20 * sample(0.1, 4, 1, 7, "a.v")[0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"neurons.tau": 0.1}, r"neurons\.tau: is unknown; can be spread: neurons\.F_0, .*v_th"),
        ({"tau_m": 0.1}, "tau_m: is unknown"),
        ({"recurrent.w": 0.1}, r"recurrent\.w: is unknown"),
        ({"recurrent.step": 0.1}, r"recurrent\.step has shape \(\): must be one value for each"),
        ({"neurons.tau_m": -0.1}, r"neurons\.tau_m: .*-0\.1.*at least 0"),
        ({"neurons.tau_m": float("nan")}, r"neurons\.tau_m: .*nan"),
        ({"neurons.tau_m": stats.norm(1, 0.1)}, r"neurons\.tau_m: .*can turn a sign.*low="),
        ({"neurons.tau_m": Spread(1.0, unit=mV)}, r"neurons\.tau_m: .*another unit"),
        ({"neurons.tau_m": Spread(80.0, unit=ms)}, r"neurons\.tau_m: becomes -.*low="),
        ({"neurons.v_th": Spread(0.1, above="tau_m")}, r"above='tau_m' has another unit"),
        ({"neurons.v_th": Spread(0.1, above="rest")}, r"neurons\.v_th: above='rest' is unknown"),
        ({"neurons.v_rest": 0.1}, r"neurons\.v_rest: is zero throughout"),
        ({"neurons.v_th": Spread(0.1, above="v_th")}, r"v_th: is equal to v_th throughout"),
        ({"neurons.tau_m": np.ones(4)}, r"of shape \(4,\): must be \(5,\) or \(3, 5\)"),
        ({"neurons.tau_m": np.ones((2, 5))}, r"of shape \(2, 5\): must be \(5,\) or \(3, 5\)"),
        ({"neurons.tau_m": -np.ones(5)}, r"neurons\.tau_m: .*can turn a sign"),
        ({"neurons.tau_m": np.array([1, 1, np.nan, 1, 1])}, "Spread.local contains nan"),
        (
            {"neurons.tau_m": Spread(np.linspace(0.8, 1.2, 5), low=0.9)},
            "measured values lie outside the bounds",
        ),
    ],
)
def test_parameters_that_cannot_be_spread(parameters, message):
    values = lif_blueprint(D, rule=RULE).values()
    with pytest.raises(ValueError, match=message):
        spread(values, parameters, seed=1, chips=N_CHIPS)


@pytest.mark.parametrize("given", [0.1 * ms, [0.1, 0.2], "0.1", None, stats.norm, 0.1j])
def test_what_is_no_distribution(given):
    with pytest.raises(TypeError, match=r"neurons\.tau_m: .*frozen scipy"):
        spread(lif_blueprint(D).values(), {"neurons.tau_m": given}, seed=1, chips=N_CHIPS)


@pytest.mark.parametrize(
    ("chips", "message"),
    [
        (4, r"neurons\.tau_m has shape \(15,\): must be one value .* of 4 chips"),
        (0, "chips=0"),
        ([-1, 0, 1], "at least 0"),
        ([], r"chips=\[\]"),
    ],
)
def test_chips_that_cannot_be(chips, message):
    with pytest.raises(ValueError, match=message):
        spread(lif_blueprint(D).values(), {"neurons.tau_m": 0.1}, seed=1, chips=chips)


def test_values_that_are_not_finite():
    values = dpi_blueprint(D).values()
    values["neurons.I_dc"] = Quantity(np.full(15, np.nan), dim=nA.dim)
    with pytest.raises(ValueError, match=r"neurons\.I_dc contains nan"):
        spread(values, {"neurons.I_dc": 0.1}, seed=1, chips=N_CHIPS)
    values = dpi_blueprint(D).values() | {"neurons.I_ref": np.ones(4) * nA}
    with pytest.raises(ValueError, match=r"above='I_ref' has shape \(4,\): must be one value, or"):
        spread(values, {"neurons.I_spk": Spread(0.1, above="I_ref")}, seed=1, chips=N_CHIPS)
