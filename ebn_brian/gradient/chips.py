"""A trained network as Brian2 objects, on as many chips as one likes."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from brian2 import BrianObject, NeuronGroup, Quantity, Synapses, TimedArray, get_dimensions
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats
from ..chips.layout import Layout
from ..rule import Rule
from . import forms
from .network import Network, Weights


@dataclass(frozen=True)
class TrainedChips:
    """Neuron ``chip*N + n`` and readout ``chip*n_out + k``, each chip with its own synapses."""

    layout: Layout
    neurons: NeuronGroup
    readout: NeuronGroup
    """Its ``o`` is the readout."""
    synapses: dict[str, Synapses] = field(default_factory=dict)
    """``slow`` (W) and ``fast`` (W_f), those that there are; each synapse has a `gain`."""
    to_readout: Synapses | None = None

    @property
    def objects(self) -> list[BrianObject]:
        """All, for a `Network`."""
        others = [self.to_readout] if self.to_readout is not None else []
        return [self.neurons, self.readout, *self.synapses.values(), *others]


def trained_chips(
    network: Network,
    weights: Weights,
    signal: TimedArray,
    *,
    form: str = "spiking",
    n_chips: int = 1,
    v_0: ArrayLike = 0.0,
    rule: Rule | None = None,
    name: str = "trained",
) -> TrainedChips:
    """Brian2 objects of `n_chips` copies of a network.

    Parameters
    ----------
    signal
        The input, (n_steps, n_in) for all chips, or (n_steps, n_chips*n_in), chip after chip.
    form
        ``'spiking'`` or ``'gated'``, see `forms`.
    v_0
        Potentials at the start, one for all or (n_chips, N), in base units.
    rule
        By which the fast synapses of the spiking form go on to learn, all but autapses, which are
        then left out; their weights are ``w*step``. It sees the potential with the sign of the
        presynaptic spike. The unit of ``W_f`` must be that of the potential.
    name
        Prefix of the groups' names.

    Raises
    ------
    ValueError
        If the form is unknown, the signal has another number of columns, or weights do not fit the
        rule.
    """
    n_chips = checks.count("n_chips", n_chips)
    N, n_in = weights.U.shape
    columns = np.shape(signal.values)[1] if np.ndim(signal.values) == 2 else 0
    if columns not in (n_in, n_chips * n_in):
        raise ValueError(
            f"signal has shape {np.shape(signal.values)}: must be (n_steps, {n_in}) or "
            f"(n_steps, {n_chips * n_in})"
        )
    layout = Layout(n_chips, N, autapses=True)
    text = forms.text(network.neuron, n_in, form)
    if rule is not None:
        _check_rule(network, weights, form)
    neurons = _neurons(network, weights, signal, text, layout, name)
    neurons.v = Quantity.with_dimensions(
        np.broadcast_to(np.asarray(v_0, float), (n_chips, N)).ravel(), neurons.v.dim
    )
    step = n_in if columns > n_in else 0
    neurons.column = np.repeat(np.arange(n_chips) * step, N)
    synapses = {
        kind: _synapses(neurons, matrix, text.synapses[kind], layout, network, f"{name}_{kind}")
        for kind, matrix in (("slow", weights.W), ("fast", weights.W_f))
        if matrix is not None and (kind == "slow" or rule is None)
    }
    if rule is not None and weights.W_f is not None:
        fast = replace(layout, autapses=False)
        learning = forms.learning_synapses(network.neuron, rule)
        synapses["fast"] = _synapses(
            neurons, rule.encode(weights.W_f), learning, fast, network, f"{name}_fast"
        )
        for key, value in rule.values(_v_unit(network)).items():
            setattr(synapses["fast"], key, value)
    readout, to_readout = _readout(network, weights, neurons, text, n_chips, name)
    return TrainedChips(layout, neurons, readout, synapses, to_readout)


def _v_unit(network: Network) -> Quantity:
    return Quantity.with_dimensions(1, network.neuron.parsed["v"].dim)


def _check_rule(network: Network, weights: Weights, form: str) -> None:
    """ValueError if no rule can learn the fast weights."""
    if form != "spiking":
        raise ValueError(f"rule: needs form='spiking', not {form!r}")
    if weights.W_f is None:
        raise ValueError("rule: needs weights with W_f, which it changes")
    charge = network.neuron.parsed["I"].dim * get_dimensions(network.tau)
    if charge != network.neuron.parsed["v"].dim:
        raise ValueError(
            f"rule: needs weights W_f in the unit of v, {_v_unit(network)!r}; that of I times "
            f"second is {charge}"
        )


def _neurons(
    network: Network,
    weights: Weights,
    signal: TimedArray,
    text: forms.Text,
    layout: Layout,
    name: str,
) -> NeuronGroup:
    neuron = network.neuron
    neurons = NeuronGroup(
        layout.n_chips * layout.n_neurons,
        text.neurons,
        threshold=text.threshold,
        reset=text.reset,
        method="euler",
        dt=network.dt,
        namespace={"signal": signal},
        name=f"{name}_neurons",
    )
    if text.start:
        neurons.run_regularly(text.start, when="start", name=f"{name}_neurons_start")
        neurons.run_regularly(text.charge, when="after_groups", name=f"{name}_neurons_charge")
    own: dict[str, Any] = {**neuron.parameters, "tau": network.tau, "tau_f": network.tau_f}
    own |= {key: getattr(neuron, key) for key in ("v_th", "v_jump", "Delta", "v_spike")}
    own |= {f"U_{j}": column for j, column in enumerate(weights.U.T)}
    own["I_o"] = np.zeros(layout.n_neurons) if weights.I_o is None else weights.I_o
    for key, value in own.items():
        if key in neurons.variables:
            each = np.broadcast_to(np.asarray(value, float), layout.n_neurons)
            dim = neurons.variables[key].dim
            setattr(neurons, key, Quantity.with_dimensions(np.tile(each, layout.n_chips), dim))
    return neurons


def _synapses(
    neurons: NeuronGroup,
    matrix: Floats,
    text: tuple[str, str],
    layout: Layout,
    network: Network,
    name: str,
) -> Synapses:
    model, on_pre = text
    synapses = Synapses(neurons, neurons, model, on_pre=on_pre or None, dt=network.dt, name=name)
    source, target = layout.connections()
    synapses.connect(i=source, j=target)
    dim = synapses.variables["w"].dim
    synapses.w = Quantity.with_dimensions(layout.to_synapses(matrix), dim)
    synapses.gain = 1
    return synapses


def _readout(
    network: Network,
    weights: Weights,
    neurons: NeuronGroup,
    text: forms.Text,
    n_chips: int,
    name: str,
) -> tuple[NeuronGroup, Synapses]:
    model, synapse, on_pre = text.readout
    n_out, N = weights.O.shape
    readout = NeuronGroup(
        n_chips * n_out, model, method="euler", dt=network.dt, name=f"{name}_readout"
    )
    if "tau" in readout.variables:
        readout.tau = network.tau
    to_readout = Synapses(
        neurons,
        readout,
        synapse,
        on_pre=on_pre or None,
        dt=network.dt,
        name=f"{name}_to_readout",
    )
    for updater in to_readout.summed_updaters.values():
        updater.when = "before_thresholds"  # after the charge: the readout is that of this step
    source, target = np.divmod(np.arange(N * n_out), n_out)
    chip = np.arange(n_chips)[:, None]
    to_readout.connect(i=np.ravel(chip * N + source), j=np.ravel(chip * n_out + target))
    w = np.tile(weights.O.T.ravel(), n_chips)
    to_readout.w = Quantity.with_dimensions(w, get_dimensions(network.tau))
    return readout, to_readout
