"""Training on numpy: what is shown, and input that must be refused."""

import numpy as np
import pytest
from brian2 import Hz, ms, mV, second

from ebn_brian.chips import (
    dpi_blueprint,
    dpi_chips,
    lif_blueprint,
    lif_chips,
    random_decoder,
    random_weights,
)
from ebn_brian.plasticity import DiscreteRule
from ebn_brian.signals import noise_drive
from ebn_brian.training import Training, steps

N_CHIPS, N = 3, 6
RULE = DiscreteRule.calm(n_bits=6)
DRIVE = noise_drive(2, seed=1)


def build(make=lif_chips, **options) -> Training:
    D = random_decoder(2, N, 1, n_chips=N_CHIPS)
    return Training(lambda drive: make(D, drive=drive, **options), 2, device="numpy")


def initial() -> np.ndarray:
    """Random weights on the grid and within the rails, resets on the diagonal."""
    return random_weights(N_CHIPS, N, 1, max_weight=1.2) - np.eye(N)


@pytest.fixture(scope="module", params=[lif_chips, dpi_chips])
def small(request):
    """Chips of each kind."""
    return build(request.param, rule=RULE)


@pytest.mark.parametrize(("progress", "shown"), [(True, True), (False, False), (None, False)])
def test_progress_is_shown_if_wanted(small, capsys, progress, shown):
    """None: if somebody sits there."""
    small.trained(initial(), DRIVE, 5 * ms, progress=progress)
    assert ("training" in capsys.readouterr().err) == shown


@pytest.mark.parametrize(
    ("until", "error", "message"),
    [
        ([2, 1] * ms, ValueError, r"until=.*: must be times that rise from 0. s on"),
        ([] * second, ValueError, r"until=.*: must be times that rise"),
        (-1 * ms, ValueError, "until=-1.*: must be finite and at least 0"),
        (np.nan * second, ValueError, "until=nan.*: must be finite"),
        (np.inf * second, ValueError, "until=inf.*: must be finite"),
        (5, TypeError, "until=5.*: must be a time"),
        ([1, 2] * mV, TypeError, "until=.*: must be a time"),
    ],
)
def test_times_that_cannot_be_are_refused(small, until, error, message):
    with pytest.raises(error, match=message):
        next(small.train(small.rest(initial()), DRIVE, until))


def test_times_before_the_state_are_refused(small):
    state = small.trained(initial(), DRIVE, 2 * ms)
    with pytest.raises(ValueError, match=r"until=1.*: must be times that rise from 2. ms on"):
        next(small.train(state, DRIVE, 1 * ms))


@pytest.mark.parametrize(
    ("c", "error", "message"),
    [
        (np.ones((10, 1)) * Hz, ValueError, r"drive has shape \(10, 1\): must be \(10, 2\)"),
        (np.zeros((0, 2)) * Hz, ValueError, r"c has shape \(0, 2\)"),
        (np.full((10, 2), np.nan) * Hz, ValueError, "c contains nan"),
        (np.zeros((10, 2)) * mV, TypeError, "c has unit .*: must be plain numbers or in hertz"),
    ],
)
def test_input_that_cannot_be_is_refused(small, c, error, message):
    with pytest.raises(error, match=message):
        small.evaluate(initial(), c)


def test_drives_of_another_shape_are_refused(small):
    with pytest.raises(ValueError, match=r"drive has shape \(10, 3\): must be \(10, 2\)"):
        small.trained(initial(), noise_drive(3, seed=1), 1 * ms)


def test_weights_of_another_shape_are_refused(small):
    with pytest.raises(ValueError, match=r"Omega has shape \(4, 4\): must end in \(6, 6\)"):
        small.rest(np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"'recurrent.w' has .* values: the program holds"):
        small.trained(initial()[:2], DRIVE, 1 * ms)


def test_weights_off_the_grid_are_not_learned(small):
    """Counters hold whole steps: a state from elsewhere is refused before it is simulated."""
    with pytest.raises(ValueError, match="weights must be whole multiples of its step"):
        small.trained(initial() + 0.01, DRIVE, 1 * ms)


def test_chips_unlike_those_of_the_program_are_refused(small):
    D = random_decoder(2, N, 1, n_chips=N_CHIPS)
    lif = "neurons.v_th" in small.chips.values()
    others = {
        "of the other kind": (dpi_blueprint if lif else lif_blueprint)(D, rule=RULE),
        "more neurons": lif_blueprint(random_decoder(2, N + 1, 1, n_chips=N_CHIPS), rule=RULE),
        "fewer chips": lif_blueprint(D[1:], rule=RULE),
    }
    for other in others.values():
        with pytest.raises(ValueError, match=r"chips: the program was built for .* is given"):
            small.using(other)


def test_other_chips_do_not_inherit_the_values_of_the_first(small):
    """Mismatch was drawn for the chips that it was given with."""
    name = "recurrent.gain"
    gains = np.full(small.chips.layout.n_synapses, 1.5)
    spread = small.using(values={name: gains})
    np.testing.assert_array_equal(spread.values[name], gains)
    np.testing.assert_array_equal(spread.using(small.chips).values[name], 1)


def test_another_time_step_is_refused():
    with pytest.raises(ValueError, match=r"dt=50. us of the chips: must be 100. us"):
        build(dt=0.05 * ms)


def test_chips_may_have_a_name():
    states = [
        build(rule=RULE, name=name).trained(initial(), DRIVE, 20 * ms) for name in ("left", "")
    ]
    assert list(states[0].variables) == ["left_neurons.v"]
    np.testing.assert_array_equal(states[0].w, states[1].w)


def test_steps_are_those_of_the_simulation():
    assert steps(1 * second) == 10_000
    assert steps(0.3 * ms) == 3
