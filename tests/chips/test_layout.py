"""Where neurons and synapses of many chips lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebn_brian.chips import Layout
from ebn_brian.seeds import generator

LAYOUTS = st.builds(Layout, st.integers(1, 4), st.integers(2, 6), st.booleans())


def matrices(layout: Layout, n_chips: int | None = None) -> np.ndarray:
    n, n_chips = layout.n_neurons, layout.n_chips if n_chips is None else n_chips
    return generator(n, "layout", n_chips).normal(size=(n_chips, n, n))


@given(LAYOUTS)
def test_to_matrices_undoes_to_synapses(layout):
    n, Omega = layout.n_neurons, matrices(layout)
    values = layout.to_synapses(Omega)
    per_chip = n * n if layout.autapses else n * (n - 1)
    assert values.shape == (layout.n_chips * per_chip,) == (layout.n_synapses,)
    kept = Omega if layout.autapses else Omega * ~np.eye(n, dtype=bool)
    np.testing.assert_array_equal(layout.to_matrices(values), kept)
    np.testing.assert_array_equal(layout.to_synapses(kept), values)


@given(LAYOUTS)
def test_synapses_lie_as_connections_say(layout):
    """Each value names its chip, target and source, which are those of the synapse."""
    n = layout.n_neurons
    i, j = layout.connections()
    target_source = 10 * np.arange(n)[:, None] + np.arange(n)
    chip = 100 * np.arange(layout.n_chips)[:, None, None]
    names = 100 * (i // n) + 10 * (j % n) + i % n
    np.testing.assert_array_equal(names, layout.to_synapses(chip + target_source))
    np.testing.assert_array_equal(i // n, j // n)
    assert (i == j).any() == layout.autapses


@given(LAYOUTS)
def test_one_matrix_is_that_of_all_chips(layout):
    Omega = matrices(layout, 1)[0]
    repeated = np.stack([Omega] * layout.n_chips)
    np.testing.assert_array_equal(layout.to_synapses(Omega), layout.to_synapses(repeated))


@given(LAYOUTS, st.integers(1, 7))
def test_any_number_of_chips_may_be_converted(layout, n_chips):
    """Those of one task among many, or checkpoints one after another."""
    Omega = matrices(layout, n_chips)
    values = layout.to_synapses(Omega)
    expected = [Layout(1, layout.n_neurons, layout.autapses).to_synapses(one) for one in Omega]
    np.testing.assert_array_equal(values, np.concatenate(expected))
    assert layout.to_matrices(values).shape == Omega.shape


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 4), (2, 4, 3), (4,), ()])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"Omega has shape \(.*: must end in \(4, 4\)"):
        Layout(2, 4, True).to_synapses(np.zeros(shape))
