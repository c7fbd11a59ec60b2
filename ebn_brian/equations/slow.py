"""Slow recurrent synapses, which make a network follow dynamics of its own, as Brian2 text.

A network whose fast synapses code ``x`` as ``x_hat = D r`` obeys ``dx/dt = A x + c`` once slow
synapses add ``F (A + I/tau_m) D r`` to its membranes: Boerlin, Machens and Denève 2013, PLoS
Comput. Biol. 9(11). They can be taught: while an input ``K F e`` holds the network near the signal,
``e = x - D r``, each slow weight follows ``dW_nk/dt = eta (F e)_n r_k`` (Bourdoukan and Denève
2015, NIPS 28; Alemi, Machens, Denève and Slotine 2018, arXiv:1705.08026, who put features
``tanh(M r + theta)`` for ``r``).

The rule is local, and its weights keep the form ``W_nk = B_n . m_k``, with ``B`` the weights by
which the error reaches a neuron. So each neuron k stores ``m_k``, one number a signal, which a
spike brings along (`on_pre`); `LOCAL` has the same synapse by synapse. Every neuron has the error
as a state of its own, as if it were broadcast on the chip.

Text to be added to a neuron (`equations.lif.model`), which has ``r`` (`equations.traces`).

=============== ============= ========= ============================================================
symbol          unit          default   meaning
=============== ============= ========= ============================================================
``i_slow``      volt/second   0         slow recurrent input
``tau_slow``    second        ``tau_m`` time constant of the neuron's slow synapses
``B_j``         volt          ``F_j``   weight by which the error of signal j reaches the neuron
``m_j``         hertz         0         slow weights of its own spikes, ``W_nk = B_n . m_k``
``e_j``         1             0         ``x_j - x_hat_j``; ``drive(t, n_signals + j)`` drives x_j
``D_j``         1                       what a spike adds to ``x_hat_j``
``e_n``         volt                    the error as it reaches neuron n
``tau_r``       second        ``tau_m`` time constant of signal and readout (shared)
``K``           hertz         0         gain of the error's feedback (shared)
``eta``         hertz**2      0         learning rate of the slow weights (shared)
``gain``        1             1         factor of the slow synapse, its own
``psi``         1                       feature, ``tanh(h + theta)``
``h``           1             0         its input, ``M r``
``u_j``         hertz                   sum of all features, weighted with their ``m_j``
=============== ============= ========= ============================================================
"""

#: Terms of the membrane equation.
INPUTS, TAUGHT_INPUTS = " + i_slow", " + i_slow + feedback"

#: The rule synapse by synapse, for networks of any slow weights: `Synapses` of its own.
LOCAL = "dw/dt = eta_post*e_n_post*r_pre : volt*Hz (clock-driven)\ngain : 1\n"
LOCAL_ON_PRE = "i_slow_post += gain*w"

#: Synapse with a factor of its own.
GAIN = "gain : 1\n"


def model(n_signals: int, taught: bool = False) -> str:
    """Equations of a neuron with slow synapses, weights fixed or `taught`."""
    own = "di_slow/dt = -i_slow/tau_slow : volt/second\ntau_slow : second\n"
    weights = "".join(f"B_{j} : volt\n" for j in range(n_signals))
    if taught:
        return own + weights + _weights(n_signals, "r") + error(n_signals) + feedback(n_signals)
    return own + weights + "".join(f"m_{j} : Hz\n" for j in range(n_signals))


def error(n_signals: int) -> str:
    """Equations of the error: ``de_0/dt = -e_0/tau_r + drive(t, 2) : 1`` and so on."""
    errors = (
        f"de_{j}/dt = -e_{j}/tau_r + drive(t, {n_signals + j}) : 1\n" for j in range(n_signals)
    )
    return "".join(errors) + "tau_r : second (shared)\n"


def feedback(n_signals: int) -> str:
    """Equations of the error's feedback, ``K*e_n`` with ``e_n = B_0*e_0 + B_1*e_1``."""
    total = " + ".join(f"B_{j}*e_{j}" for j in range(n_signals))
    decoder = "".join(f"D_{j} : 1\n" for j in range(n_signals))
    return f"feedback = K*e_n : volt/second\ne_n = {total} : volt\nK : Hz (shared)\n{decoder}"


def on_pre(n_signals: int, taught: bool = False) -> str:
    """What a spike does to all neurons of its chip."""
    weight = " + ".join(f"B_{j}_post*m_{j}_pre" for j in range(n_signals))
    return f"i_slow_post += gain*({weight})\n" + (decode(n_signals) if taught else "")


def decode(n_signals: int) -> str:
    """What a spike takes from the error: ``e_0_post -= D_0_pre`` and so on."""
    return "".join(f"e_{j}_post -= D_{j}_pre\n" for j in range(n_signals))


def features(n_signals: int) -> str:
    """Equations of a feature ``tanh(M r + theta)`` that learns."""
    own = "dh/dt = -h/tau_r : 1\npsi = tanh(h + theta) : 1\ntheta : 1\n"
    return own + _weights(n_signals, "psi") + error(n_signals)


def with_features(n_signals: int) -> str:
    """Equations of a neuron whose slow input comes from features, in place of `model`."""
    slow = " + ".join(f"B_{j}*u_{j}" for j in range(n_signals))
    weights = "".join(f"B_{j} : volt\nu_{j} : Hz (linked)\n" for j in range(n_signals))
    return f"i_slow = {slow} : volt/second\n{weights}" + error(n_signals) + feedback(n_signals)


def sums(n_signals: int) -> str:
    """Equations of synapses that add up features: ``u_0_post = m_0_pre*psi_pre : Hz (summed)``."""
    return "".join(f"u_{j}_post = m_{j}_pre*psi_pre : Hz (summed)\n" for j in range(n_signals))


def _weights(n_signals: int, of: str) -> str:
    """Equations of the slow weights of a neuron or a feature that learn."""
    learning = "".join(f"dm_{j}/dt = eta*e_{j}*{of} : Hz\n" for j in range(n_signals))
    return learning + "eta : Hz**2 (shared)\n"
