"""Homeostatic threshold: a neuron sets its own, to the rate that the design prescribes.

With the recurrence switched off and a reset in proportion to the threshold, the rate of a neuron
depends on its time constant and on the ratio of its feed-forward weights to its threshold alone. So
a threshold that falls steadily, and rises at each own spike, settles where that ratio is the one of
the design, whatever the mismatch: the facet of the neuron lies where the code needs it. Weights
learned afterwards cannot do it: ``T_n = kappa/2*|Omega_nn|`` holds at every threshold.

In silicon this is one capacitor or counter a neuron, a small step at each own spike, a steady leak
(the spikes of one clock at `rate_target`, shared by the chip, can be that), and a switch on the
bias of the DACs. ``v_adapt = 0`` holds the threshold.

=============== ============= ==================================================================
symbol          unit          meaning
=============== ============= ==================================================================
``v_adapt``     volt          step of ``v_th`` at an own spike (shared); in current mode ``I_adapt``
                              of ``I_spk``
``rate_target`` hertz         rate at which the threshold rests
``coupled``     1             0 switches a synapse off: it neither acts nor learns
=============== ============= ==================================================================
"""

#: Name of the step by that of the threshold, and its unit.
STEPS = {"v_th": ("v_adapt", "volt"), "I_spk": ("I_adapt", "amp")}

#: Of the synapse.
SWITCH = "coupled : 1\n"
#: What precedes a change of its weight by ``d``.
LEARN_IF_COUPLED = "d *= coupled\n"


def model(threshold: str) -> str:
    """Equations of the `threshold`, ``'v_th'`` or ``'I_spk'``.

    ::

        dv_th/dt = -v_adapt*rate_target : volt
        v_adapt : volt (shared)
        rate_target : Hz
    """
    step, unit = STEPS[threshold]
    return (
        f"d{threshold}/dt = -{step}*rate_target : {unit}\n"
        f"{step} : {unit} (shared)\nrate_target : Hz\n"
    )


def reset(threshold: str) -> str:
    """Statement at an own spike: ``v_th += v_adapt``."""
    return f"{threshold} += {STEPS[threshold][0]}"
