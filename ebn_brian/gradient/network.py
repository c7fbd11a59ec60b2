"""A network with differentiable synapses: its weights, its cost, and the gradients of that."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from brian2 import Quantity
from numpy.typing import ArrayLike

from .. import checks
from ..checks import Floats
from .kernel import kernel
from .neuron import Neuron

#: All weights of a network.
NAMES = ("W", "W_f", "U", "I_o", "O")


@dataclass(frozen=True)
class Weights:
    """Weights of N neurons with n_in inputs and n_out readouts, plain numbers in base units.

    Parameters
    ----------
    U
        Of the input, (N, n_in), in the unit of ``I``.
    O
        Of the readout, (n_out, N), in seconds: ``s`` is in hertz.
    W, W_f
        Of the slow and the fast synapses, (N, N), target by source, in the unit of ``I`` times
        second. None: there are none.
    I_o
        Constant input, (N,), in the unit of ``I``; None: there is none.

    Raises
    ------
    ValueError
        If a shape is wrong, or an entry not finite.
    """

    U: Floats
    O: Floats  # noqa: E741 - the paper's name
    W: Floats | None = None
    W_f: Floats | None = None
    I_o: Floats | None = None

    def __post_init__(self) -> None:
        N = np.shape(self.U)[0] if np.ndim(self.U) else 0
        n_in, n_out = np.shape(self.U)[-1:], np.shape(self.O)[:1]
        shapes = {"W": (N, N), "W_f": (N, N), "U": (N, *n_in), "I_o": (N,), "O": (*n_out, N)}
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value is None:
                continue
            array = checks.finite(f"Weights.{name}", value)
            if array.shape != shape or array.ndim == 0:
                raise ValueError(
                    f"Weights.{name} has shape {array.shape}: must be {shape} beside U of shape "
                    f"{np.shape(self.U)} and O of shape {np.shape(self.O)}"
                )
            object.__setattr__(self, name, np.ascontiguousarray(array))

    def arrays(self) -> dict[str, Floats]:
        """Those that there are, by name."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in named.items() if value is not None}

    def compiled(self) -> tuple[Floats, Floats, Floats, Floats]:
        """W, W_f, U, I_o as the kernel takes them: without rows where there are none."""
        none = np.zeros((0, len(self.U)))
        W, W_f = (none if w is None else w for w in (self.W, self.W_f))
        return W, W_f, self.U, np.zeros(len(self.U)) if self.I_o is None else self.I_o


@dataclass(frozen=True)
class Batch:
    """Some trials of one length.

    Parameters
    ----------
    x
        Input, (n_trials, n_steps, n_in).
    target
        What the readout is to be after each step, (n_trials, n_steps, n_out).
    v_0
        Potentials at the start, (n_trials, N), base units.
    weight
        Of the error in the cost, (n_trials, n_steps); None: 1.
    noise
        Added to the potentials at each step, (n_trials, n_steps, N); None: none.
    """

    x: Floats
    target: Floats
    v_0: Floats
    weight: Floats | None = None
    noise: Floats | None = None

    def __post_init__(self) -> None:
        x = checks.signal("Batch.x", self.x)
        if x.ndim != 3:
            raise ValueError(f"Batch.x has shape {x.shape}: must be (n_trials, n_steps, n_in)")
        n_trials, n_steps, _ = x.shape
        N = np.shape(self.v_0)[-1]
        expected = {
            "target": (n_trials, n_steps, *np.shape(self.target)[2:]),
            "v_0": (n_trials, N),
            "weight": (n_trials, n_steps),
            "noise": (n_trials, n_steps, N),
        }
        for name, shape in expected.items():
            value = getattr(self, name)
            if value is not None and np.shape(checks.finite(f"Batch.{name}", value)) != shape:
                raise ValueError(f"Batch.{name} has shape {np.shape(value)}: must be {shape}")

    def compiled(self) -> tuple[Floats, Floats]:
        """Weight and noise as the kernel takes them."""
        n_trials, n_steps, _ = self.x.shape
        weight = np.ones((n_trials, n_steps)) if self.weight is None else self.weight
        none = np.zeros((n_trials, 0, self.v_0.shape[1]))
        return weight, none if self.noise is None else self.noise


class Traces(NamedTuple):
    """Of each trial, step and neuron: state after the step; number of spikes of each neuron."""

    v: Floats
    s: Floats
    s_f: Floats
    spikes: Floats


class Slopes(NamedTuple):
    """Cost and what it depends on."""

    error: Floats
    """Part of the cost that is the readout's, of each trial."""
    activity: Floats
    """Part of the cost that is the activity's, of each trial."""
    spikes: Floats
    """Number of spikes, (n_trials, N)."""
    ss: Floats
    """Sum over trials of the weighted mean of ``s s^T``, (N, N)."""
    ys: Floats
    """The same of ``target s^T``, (n_out, N)."""
    gradients: Mapping[str, Floats]
    """Of each trial's cost, by the name of the weights; the first axis is the trial."""

    @property
    def cost(self) -> float:
        """Mean over trials."""
        return float((self.error + self.activity).mean())


@dataclass(frozen=True)
class Network:
    """Neurons whose synapses are charged through a gate, Huh and Sejnowski 2018 (arXiv:1706.04698).

    ::

        dv/dt = f(v, I)                   I = W s + W_f s_f + U x + I_o
        tau ds/dt = -s + g(v) dv/dt       tau_f ds_f/dt = -s_f + g(v) dv/dt
        o = O s                           l = (|o - target|**2 + cost_s |s|**2)/2

    in forward Euler, with the charge of a step exact: ``G(v_new) - G(v)``.

    Parameters
    ----------
    neuron
        Of which all are.
    tau, tau_f
        Time constants of the slow synapses, which the readout sees, and of the fast ones.
    dt
        Time step.
    cost_s
        lambda, in second**2, since ``s`` is in hertz.
    """

    neuron: Neuron
    tau: Quantity
    tau_f: Quantity
    dt: Quantity
    cost_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("tau", "tau_f", "dt"):
            checks.seconds(f"Network.{name}", getattr(self, name))
        checks.positive("Network.cost_s", self.cost_s, zero=True)
        if max(self.dt / self.tau, self.dt / self.tau_f) > 1:
            raise ValueError(
                f"Network.dt={self.dt}: must be at most tau={self.tau} and tau_f={self.tau_f}"
            )

    @property
    def _times(self) -> tuple[float, float, float]:
        return float(self.tau), float(self.tau_f), float(self.dt)

    def simulate(
        self, weights: Weights, x: ArrayLike, v_0: Floats, noise: Floats | None = None
    ) -> Traces:
        """States after each step, of trials with the input `x` (n_trials, n_steps, n_in)."""
        x = np.ascontiguousarray(checks.signal("x", x))
        batch = Batch(x, np.zeros((*x.shape[:2], 1)), v_0, noise=noise)
        _, noise = batch.compiled()
        compiled = kernel(self.neuron).simulate
        return Traces(*compiled(*weights.compiled(), x, noise, v_0, *self._times))

    def cost(self, weights: Weights, batch: Batch) -> float:
        """Mean cost of the trials."""
        return self._run(weights, batch, False).cost

    def moments(self, weights: Weights, batch: Batch) -> Slopes:
        """Cost and moments, without gradients."""
        return self._run(weights, batch, False)

    def slopes(self, weights: Weights, batch: Batch) -> Slopes:
        """Cost and its gradients, by trial: the exact ones of the discrete cost."""
        return self._run(weights, batch, True)

    def _run(self, weights: Weights, batch: Batch, adjoint: bool) -> Slopes:
        weight, noise = batch.compiled()
        shapes = (batch.x.shape[2], batch.target.shape[2], batch.v_0.shape[1])
        if shapes != (weights.U.shape[1], *weights.O.shape):
            raise ValueError(
                f"batch has (n_in, n_out, N) = {shapes}: weights are for "
                f"{(weights.U.shape[1], *weights.O.shape)}"
            )
        run = kernel(self.neuron).gradient
        costs, spikes, ss, ys, *gradients = run(
            *weights.compiled(),
            weights.O,
            np.ascontiguousarray(batch.x),
            noise,
            batch.v_0,
            np.ascontiguousarray(batch.target),
            weight,
            self.cost_s,
            *self._times,
            adjoint,
        )
        by_name = dict(zip(NAMES, gradients, strict=True))
        there = {name: by_name[name] for name in weights.arrays()} if adjoint else {}
        return Slopes(costs[:, 0], costs[:, 1], spikes, ss, ys, there)
