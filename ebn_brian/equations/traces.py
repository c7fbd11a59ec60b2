"""What a neuron remembers for its learning: filtered spikes and signals, as Brian2 text.

All are added to the text of a neuron (`equations.lif.model`, `equations.lif.at_spike`), whose time
constant ``tau_m`` they share.

============ ======= ==========================================================================
symbol       unit    meaning
============ ======= ==========================================================================
``r``        1       own spikes, filtered: a spike adds 1 after all that it causes elsewhere
``x_j``      1       signal j, filtered: ``dx_j/dt = -x_j/tau_m + drive(t, j)``
``F_j``      volt    feed-forward weight of signal j, which learns
``eps_F``    1       share of the way to its goal that it goes at each own spike (shared)
``alpha``    volt    its goal is ``alpha*x_j`` (shared)
============ ======= ==========================================================================

Source of the learning: Brendel, Bourdoukan, Vertechi, Machens and Denève 2020, PLoS Comput. Biol.
16(3), in the authors' own code, github.com/machenslab/spikes, UnsupervisedLearning/Figure2.
"""

#: The filtered spikes: the model, and the statement at an own spike.
SPIKES = ("dr/dt = -r/tau_m : 1\n", "r += 1")


def signals(n_signals: int) -> str:
    """Equations of the filtered signals and of what learns from them.

    ::

        dx_0/dt = -x_0/tau_m + drive(t, 0) : 1
        eps_F : 1 (shared)
        alpha : volt (shared)
    """
    traces = (f"dx_{j}/dt = -x_{j}/tau_m + drive(t, {j}) : 1\n" for j in range(n_signals))
    return "".join(traces) + "eps_F : 1 (shared)\nalpha : volt (shared)\n"


def learn_feedforward(n_signals: int) -> str:
    """Statements at an own spike: ``F_0 += eps_F*(alpha*x_0 - F_0)`` and so on."""
    return "\n".join(f"F_{j} += eps_F*(alpha*x_{j} - F_{j})" for j in range(n_signals))
