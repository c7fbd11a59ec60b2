"""Numba code of a network: its time steps, and the same steps backwards.

Trials one after the other, so that what a trial leaves for its way back stays in the cache. All
numbers are in base units.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..checks import Floats
from . import text
from .neuron import GATES, Neuron

FUNCTIONS = ("tan", "sinh", "cosh", "tanh", "exp", "log", "sqrt")
#: Taylor's coefficients of sin(r)/r in r**2, up to r**21: exact to a double for abs(r) <= pi/2.
SINE = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(11))


class Kernel(NamedTuple):
    """Compiled functions of a neuron."""

    simulate: Callable[..., Any]
    gradient: Callable[..., Any]


def _clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def _sin(x: Any) -> Any:
    """Sine without a branch or a call, so that loops over neurons become vector code."""
    half_turns = np.floor(x / math.pi + 0.5)
    r = x - half_turns * math.pi
    sign = 1.0 - 2.0 * (half_turns - 2.0 * np.floor(0.5 * half_turns))
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10 = SINE
    q = r * r
    low = c0 + q * (c1 + q * (c2 + q * (c3 + q * (c4 + q * c5))))
    return sign * r * (low + q**6 * (c6 + q * (c7 + q * (c8 + q * (c9 + q * c10)))))


def function(expression: str, constants: dict[str, float]) -> Callable[[float, float], float]:
    """Compiled function of ``(v, I)``, from text."""
    sin = jit(_sin)
    names: dict[str, Any] = {name: getattr(math, name) for name in FUNCTIONS}
    names |= {"arctan": math.atan, "pi": math.pi, "e": math.e, "clip": jit(_clip), "sin": sin}
    names |= {"floor": np.floor, "cos": jit(lambda x: sin(x + math.pi / 2))}
    scope = {**names, **constants}
    exec(f"def compiled(v, I):\n    return 1.0*({expression})\n", scope)
    return jit(scope["compiled"])


def jit(python: Callable[..., Any]) -> Callable[..., Any]:
    """`python`, compiled when it is called; ImportError without numba."""
    try:
        from numba import njit
    except ImportError as error:
        raise ImportError("gradients need numba: pip install 'ebn_brian[gradient]'") from error
    return njit(error_model="numpy", fastmath={"contract"})(python)


def kernel(neuron: Neuron) -> Kernel:
    """Compiled functions; the same for equal neurons."""
    constants = tuple(sorted(neuron.constants.items()))
    return _kernel(neuron.equations, neuron.gate, constants)


@lru_cache(maxsize=16)
def _kernel(equations: str, gate: str, constants: tuple[tuple[str, float], ...]) -> Kernel:
    own = dict(constants)
    derivatives = text.derivatives(text.one_state(equations))
    f, f_v, f_I = (function(e, own) for e in (derivatives.f, derivatives.f_v, derivatives.f_I))
    G, g = (function(e, own) for e in GATES[gate])
    step = _forward(f, G, own["v_th"], own["v_jump"], gate == "both")
    return Kernel(_simulate(step), _gradient(step, _backward(f_v, f_I, g)))


def _forward(f: Any, G: Any, v_th: float, v_jump: float, both: bool) -> Callable[..., Any]:
    """One trial forwards. Short loops, each over few arrays: the compiler makes vector code."""
    add = _add_product()

    @jit
    def forward(
        W: Floats,
        W_f: Floats,
        U: Floats,
        I_o: Floats,
        x: Floats,
        noise: Floats,
        tau: float,
        tau_f: float,
        dt: float,
        v: Floats,
        v_new: Floats,
        current: Floats,
        s: Floats,
        s_f: Floats,
    ) -> Floats:
        """Rows of `v`, `s`, `s_f` are states at the beginning of steps; `v_new` is before reset."""
        n_steps, N = current.shape
        spikes, before, after = np.zeros(N), np.zeros(N), np.zeros(N)
        for i in range(N):
            before[i] = G(v[0, i], 0.0)
        for t in range(n_steps):
            old, now, new, reset = v[t], current[t], v_new[t], v[t + 1]
            now[:] = I_o
            add(U, x[t], now)
            add(W, s[t], now)
            add(W_f, s_f[t], now)
            for i in range(N):
                new[i] = old[i] + dt * f(old[i], now[i])
            if noise.shape[0]:
                new += noise[t]
            for i in range(N):
                after[i] = G(new[i], 0.0)
            s[t + 1] = s[t] * (1 - dt / tau) + (after - before) / tau
            s_f[t + 1] = s_f[t] * (1 - dt / tau_f) + (after - before) / tau_f
            for i in range(N):
                reset[i], before[i] = new[i], after[i]
                if new[i] > v_th or (both and new[i] < -v_th):
                    reset[i] -= v_jump if new[i] > 0 else -v_jump
                    before[i] = G(reset[i], 0.0)
                    spikes[i] += 1
        return spikes

    return forward


def _backward(f_v: Any, f_I: Any, g: Any) -> Callable[..., Any]:
    """One trial backwards: the discrete adjoint of `forward`, step by step."""
    add = _add_product()

    @jit
    def backward(
        W: Floats,
        W_f: Floats,
        tau: float,
        tau_f: float,
        dt: float,
        v: Floats,
        v_new: Floats,
        current: Floats,
        dl_ds: Floats,
        p_I: Floats,
    ) -> None:
        """Write dL/dI into `p_I`, from dl/ds of the states after each step."""
        n_steps, N = current.shape
        p_v, p_s, p_f, charge, new = (
            np.zeros(N),
            np.zeros(N),
            np.zeros(N),
            np.zeros(N),
            np.zeros(N),
        )
        for t in range(n_steps - 1, -1, -1):
            old, at, now, p = v[t], v_new[t], current[t], p_I[t]
            p_s += dl_ds[t]
            for i in range(N):
                charge[i] = p_s[i] / tau + p_f[i] / tau_f
            for i in range(N):
                new[i] = p_v[i] + g(at[i], 0.0) * charge[i]
            for i in range(N):
                p[i] = new[i] * dt * f_I(old[i], now[i])
            for i in range(N):
                p_v[i] = new[i] * (1 + dt * f_v(old[i], now[i]))
            for i in range(N):
                p_v[i] -= g(old[i], 0.0) * charge[i]
            p_s *= 1 - dt / tau
            p_f *= 1 - dt / tau_f
            add(W, p, p_s)
            add(W_f, p, p_f)

    return backward


def _add_product() -> Callable[..., Any]:
    @jit
    def add(
        matrix: Floats,
        vector: Floats,
        result: Floats,
    ) -> None:
        """``result += vector @ matrix``: in fours, which spares reading and writing `result`."""
        n = matrix.shape[0]
        fours = n - n % 4
        for j in range(0, fours, 4):
            a, b, c, d = vector[j], vector[j + 1], vector[j + 2], vector[j + 3]
            p, q, r, s = matrix[j], matrix[j + 1], matrix[j + 2], matrix[j + 3]
            for i in range(p.size):
                result[i] = result[i] + a * p[i] + b * q[i] + c * r[i] + d * s[i]
        for j in range(fours, n):
            a, p = vector[j], matrix[j]
            for i in range(p.size):
                result[i] += a * p[i]

    return add


def _simulate(forward: Any) -> Callable[..., Any]:
    @jit
    def simulate(
        W: Floats,
        W_f: Floats,
        U: Floats,
        I_o: Floats,
        x: Floats,
        noise: Floats,
        v_0: Floats,
        tau: float,
        tau_f: float,
        dt: float,
    ) -> tuple[Floats, ...]:
        """States after each step (trial, step, neuron): v, s, s_f; number of spikes."""
        n_trials, n_steps, _ = x.shape
        N = I_o.shape[0]
        W_t, W_f_t, U_t = W.T.copy(), W_f.T.copy(), U.T.copy()
        v = np.zeros((n_trials, n_steps + 1, N))
        s, s_f = np.zeros_like(v), np.zeros_like(v)
        current, v_new = np.zeros((n_steps, N)), np.zeros((n_steps, N))
        spikes = np.zeros((n_trials, N))
        for b in range(n_trials):
            v[b, 0] = v_0[b]
            traces = (v[b], v_new, current, s[b], s_f[b])
            spikes[b] = forward(W_t, W_f_t, U_t, I_o, x[b], noise[b], tau, tau_f, dt, *traces)
        return v[:, 1:], s[:, 1:], s_f[:, 1:], spikes

    return simulate


def _gradient(forward: Any, backward: Any) -> Callable[..., Any]:
    @jit
    def gradient(
        W: Floats,
        W_f: Floats,
        U: Floats,
        I_o: Floats,
        readout: Floats,
        x: Floats,
        noise: Floats,
        v_0: Floats,
        target: Floats,
        weight: Floats,
        cost_s: float,
        tau: float,
        tau_f: float,
        dt: float,
        adjoint: bool,
    ) -> tuple[Floats, ...]:
        """Cost of each trial, its gradients by trial, spikes, and the moments of s for a readout.

        The cost is the mean over steps of ``weight*|O s - target|**2/2 + cost_s*|s|**2/2``.
        """
        n_trials, n_steps, n_in = x.shape
        N, n_out = I_o.shape[0], target.shape[2]
        W_t, W_f_t, U_t = W.T.copy(), W_f.T.copy(), U.T.copy()
        v, current = np.zeros((n_steps + 1, N)), np.zeros((n_steps, N))
        s, s_f = np.zeros_like(v), np.zeros_like(v)
        v_new, dl_ds, p_I = np.zeros_like(current), np.zeros_like(current), np.zeros_like(current)
        many = n_trials if adjoint else 0
        dW, dW_f = np.zeros((many, W.shape[0], N)), np.zeros((many, W_f.shape[0], N))
        dU, dI_o, dO = np.zeros((many, N, n_in)), np.zeros((many, N)), np.zeros((many, n_out, N))
        costs, spikes = np.zeros((n_trials, 2)), np.zeros((n_trials, N))
        ss, ys = np.zeros((N, N)), np.zeros((n_out, N))
        for b in range(n_trials):
            v[0] = v_0[b]
            spikes[b] = forward(
                W_t, W_f_t, U_t, I_o, x[b], noise[b], tau, tau_f, dt, v, v_new, current, s, s_f
            )
            s_1 = s[1:]
            weighted = s_1 * weight[b].reshape(-1, 1)
            ss += np.dot(weighted.T, s_1)
            ys += np.dot(target[b].T, weighted)
            error = np.dot(s_1, readout.T) - target[b]
            e = error * weight[b].reshape(-1, 1)
            costs[b, 0] = 0.5 * (e * error).sum() / n_steps
            costs[b, 1] = 0.5 * cost_s * (s_1 * s_1).sum() / n_steps
            if adjoint:
                dl_ds[:] = (np.dot(e, readout) + cost_s * s_1) / n_steps
                backward(W, W_f, tau, tau_f, dt, v, v_new, current, dl_ds, p_I)
                if W.shape[0]:
                    dW[b] = np.dot(p_I.T, s[:n_steps])
                if W_f.shape[0]:
                    dW_f[b] = np.dot(p_I.T, s_f[:n_steps])
                dU[b] = np.dot(p_I.T, x[b])
                dI_o[b] = p_I.sum(axis=0)
                dO[b] = np.dot(e.T, s_1) / n_steps
        return costs, spikes, ss / n_steps, ys / n_steps, dW, dW_f, dU, dI_o, dO

    return gradient
