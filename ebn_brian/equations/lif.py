"""Leaky integrate-and-fire neuron of an efficient balanced network, as Brian2 text.

The membrane codes the reconstruction error along the neuron's own decoder column: with drive
``c``, feed-forward weights ``F = v_unit*D.T`` and recurrent weights ``-D.T @ D`` it is
``v - v_rest = v_unit*D_n . (x - x_hat)``.

Source: Büchel, Kakon, Perez and Indiveri 2020 (arXiv:2010.14353), section II; greedy selection
(one spike a step) as in Boerlin, Machens and Denève 2013, PLoS Comput. Biol. 9(11).

=========== ============= ============ =========================================================
symbol      unit          default      meaning
=========== ============= ============ =========================================================
``v``       volt                       membrane potential
``v_rest``  volt          0 mV         resting potential
``v_th``    volt          12.5 mV      threshold: ``v_rest + kappa/2*v_unit``
``v_reset`` volt          2.5 mV       absolute reset: ``v_rest + (kappa/2 - 1)*v_unit``
``share``   1             1 - 2/kappa  reset in proportion: ``v_reset`` over ``v_th``, above rest
``v_jump``  volt          10 mV        subtractive reset: the step down at an own spike, ``v_unit``
``tau_m``   second        50 ms        membrane time constant
``F_j``     volt          v_unit*D_jn  feed-forward weight of signal j
``drive(t, j)`` hertz                  drive c of signal j, a TimedArray with one column a signal
``v_fast``  volt          0 mV         charge still to come through the fast synapse
``tau_fast`` second       1 ms         time constant of the fast synapse
``sigma``   volt          0 mV         standard deviation of the membrane noise, alone
``n_better`` 1            0            neurons of the chip that are further above threshold
=========== ============= ============ =========================================================
"""

from .. import checks
from . import drive, homeostasis

#: The fast recurrent input as a second term of the membrane equation, and its own equation.
SYNAPSES = {
    "delta": ("", ""),
    "exponential": (
        " + v_fast/tau_fast",
        "dv_fast/dt = -v_fast/tau_fast : volt\ntau_fast : second (shared, constant)\n",
    ),
}

#: What a presynaptic spike of weight ``w*step`` does; ``gain`` is the synapse's own. The
#: second form has the switch of `equations.homeostasis`.
ON_PRE = {
    "delta": "v_post += gain*w*step",
    "exponential": "v_fast_post += gain*w*step",
}
ON_PRE_COUPLED = {
    "delta": "v_post += coupled*gain*w*step",
    "exponential": "v_fast_post += coupled*gain*w*step",
}

RESETS = {
    "absolute": ("v = v_reset", "v_reset : volt\n"),
    "share": ("v = v_reset", "v_reset = v_rest + share*(v_th - v_rest) : volt\nshare : 1\n"),
    "subtractive": ("v -= v_jump", "v_jump : volt\n"),
    "learned": ("", ""),  # the autapse of the plastic synapses is the reset
}

NOISE = (" + sigma*sqrt(2/tau_m)*xi", "sigma : volt\n")

#: What the comparators of a learning synapse see of the neuron, for `rule.Rule.decide`.
STATE = "v_post - v_rest_post"

#: Every neuron above its threshold, and the one among them that may spike: the furthest above.
CANDIDATE = "v > v_th"
THRESHOLD = {True: "v > v_th and n_better < 0.5", False: CANDIDATE}

#: A candidate counts the candidates that beat it; the lower index wins an exact tie. (`i` and `j`
#: themselves would clash with a loop counter of Brian2 2.10.1's cython template, hence `i_pre`.)
COMPARE = (
    "n_better_post += int((v_pre - v_th_pre > v_post - v_th_post)"
    " or ((v_pre - v_th_pre == v_post - v_th_post) and (i_pre < i_post)))"
)


#: The input, by name; see `equations.drive`.
FEEDFORWARD = "feedforward"


def feedforward(n_signals: int) -> str:
    """Equations of the feed-forward input: ``F_0*drive(t, 0) + F_1*drive(t, 1) + ...``."""
    return drive.model(FEEDFORWARD, "volt/second", "volt", n_signals)


def model(
    n_signals: int,
    synapse: str = "delta",
    reset: str = "absolute",
    greedy: bool = True,
    noise: bool = False,
    homeostatic: bool = False,
    inputs: str = "",
) -> str:
    """Equations of the neuron, to print or to hand to a `NeuronGroup`.

    Parameters
    ----------
    n_signals
        Number of columns of the `TimedArray` ``drive``.
    synapse
        ``'delta'`` (a spike steps ``v``) or ``'exponential'`` (through ``tau_fast``).
    reset
        ``'absolute'``, ``'share'`` (absolute too, in proportion to the threshold),
        ``'subtractive'`` or ``'learned'``.
    greedy
        Whether at most one neuron of a chip spikes in a time step.
    noise
        Whether the membrane is noisy (``sigma``).
    homeostatic
        Whether the neuron sets its own threshold (see `equations.homeostasis`).
    inputs
        Further terms of the membrane equation, as ``" + i_slow"``; the text to be added has them.

    Raises
    ------
    ValueError
        If `synapse` or `reset` is not one of the above.
    """
    checks.choice("synapse", synapse, SYNAPSES)
    checks.choice("reset", reset, RESETS)
    current, current_model = SYNAPSES[synapse]
    noise_term, noise_model = NOISE if noise else ("", "")
    threshold = homeostasis.model("v_th") if homeostatic else "v_th : volt\n"
    return (
        f"dv/dt = (v_rest - v)/tau_m + feedforward{current}{inputs}{noise_term} : volt\n"
        f"{feedforward(n_signals)}{current_model}{noise_model}{RESETS[reset][1]}"
        f"v_rest : volt\n{threshold}tau_m : second\n" + ("n_better : 1\n" if greedy else "")
    )


def at_spike(reset: str, homeostatic: bool = False) -> str:
    """Statements of the neuron at an own spike."""
    return "\n".join(
        text for text in (RESETS[reset][0], homeostasis.reset("v_th") * homeostatic) if text
    )
