"""Where the neurons and synapses of a chip lie in the groups that hold them all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import Floats, Integers


@dataclass(frozen=True)
class Layout:
    """Chip after chip in one group, neuron ``chip*n_neurons + neuron``; all-to-all synapses within
    each, by source and then by target, autapses left out or not.
    """

    n_chips: int
    n_neurons: int
    autapses: bool

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which entries of a chip's weights have a synapse, by source, then by target."""
        n = self.n_neurons
        return np.ones(n * n, bool) if self.autapses else ~np.eye(n, dtype=bool).ravel()

    @property
    def n_synapses(self) -> int:
        """Of all chips."""
        return self.n_chips * int(self.kept.sum())

    def connections(self) -> tuple[Integers, Integers]:
        """Source and target neuron of all synapses, for ``Synapses.connect(i=, j=)``."""
        source, target = np.divmod(np.flatnonzero(self.kept), self.n_neurons)
        first = self.n_neurons * np.arange(self.n_chips)[:, None]
        return np.ravel(first + source), np.ravel(first + target)

    def to_synapses(self, matrices: ArrayLike) -> Floats:
        """Matrices (n_chips, target, source), or one for all chips, in the order of the synapses.

        Any number of chips may be given.
        """
        matrices = np.asarray(matrices, float)
        if matrices.shape[-2:] != (self.n_neurons, self.n_neurons):
            raise ValueError(
                f"Omega has shape {matrices.shape}: must end in "
                f"({self.n_neurons}, {self.n_neurons})"
            )
        if matrices.ndim == 2:
            matrices = np.broadcast_to(matrices, (self.n_chips, *matrices.shape))
        by_source = np.swapaxes(matrices, -1, -2).reshape(len(matrices), -1)
        return by_source[:, self.kept].ravel()

    def to_matrices(self, values: ArrayLike) -> Floats:
        """Inverse of `to_synapses`: (n_chips, target, source), missing autapses 0.

        Raises
        ------
        ValueError
            If `values` are no flat array, or not those of whole chips.
        """
        kept, n, values = self.kept, self.n_neurons, np.asarray(values, float)
        if values.ndim != 1 or values.size % kept.sum():
            raise ValueError(
                f"weights have shape {values.shape}: must be one value a synapse, {kept.sum()} a "
                "chip"
            )
        values = values.reshape(-1, kept.sum())
        by_source = np.zeros((len(values), n * n))
        by_source[:, kept] = values
        return np.swapaxes(by_source.reshape(-1, n, n), -1, -2)


def all_to_all(
    n_chips: int, n_source: int, n_target: int, shared: bool = False
) -> tuple[Integers, Integers]:
    """Source and target of all synapses, chip after chip, by source and then by target.

    Sources are each chip's own, or `shared` by all.
    """
    chip = np.arange(n_chips)[:, None, None]
    source = np.arange(n_source)[:, None] + (0 if shared else n_source) * chip
    target = np.arange(n_target) + n_target * chip
    i, j = np.broadcast_arrays(source, target)
    return i.ravel(), j.ravel()
