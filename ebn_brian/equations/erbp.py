"""Event-driven random backpropagation: neurons with an error compartment, as Brian2 text.

A layer's neuron has a membrane ``v``, which spikes, and a second compartment ``u``, which gathers
the spikes of error neurons through fixed random weights and touches no spike. A synapse that gets a
spike changes its weight by ``-eta*u`` if ``v`` lies in a window. Two error neurons a class compare
the spikes of the output with those of a label: one counts the output's up and the label's down,
the other the reverse, and each spikes at 1. They keep no more than one spike of the opposite sign.

Source: Neftci, Augustine, Paul and Detorakis 2017, Front. Neurosci. 11:324 (arXiv:1612.05596). Two
things differ: the output's window is wider than that of hidden neurons (else a class whose ``v``
falls below it is never learned again), and error neurons keep a count down to ``err_floor``, not 0.

================ ============= ============ ====================================================
symbol           unit          default      meaning
================ ============= ============ ====================================================
``v``            volt          0 mV         membrane potential
``u``            1             0            error compartment: error spikes, weighted, leaky
``v_th``         volt          10 mV        threshold; a spike takes it off the potential
``tau_m``        second        20 ms        time constant of the membrane
``tau_u``        second        20 ms        time constant of the error compartment
``t_ref``        second        2 ms         refractory period
``rate(t, i)``   hertz         300 Hz       rate of an input at full intensity, a TimedArray with a
                                            column an input; or ``spikes(t, i)``, 1 where one is
``label(t)``     1                          class that is shown, -1 for none: a TimedArray
``n_label``      1             10           steps from one spike of the label's neuron to the next
``err``          1             0            count of an error neuron
``err_floor``    1             -1           least count of an error neuron
``n_present``    1             150          steps for which an image is shown
``n_settle``     1             38           of these, steps without learning at the beginning
``w``            1                          weight, which acts as ``w*step``
``g``            1                          fixed feedback weight, onto ``u``
================ ============= ============ ====================================================
"""

#: Threshold of an input neuron: Bernoulli in every step, or spikes that are given.
INPUT = {"bernoulli": "rand() < rate(t, i)*dt", "given": "spikes(t, i) > 0.5"}

#: The two-compartment neuron.
NEURON = """
dv/dt = -v/tau_m : volt
du/dt = -u/tau_u : 1
v_th : volt
tau_m : second
tau_u : second
t_ref : second (shared)
"""
THRESHOLD = "v > v_th"
RESET = "v -= v_th"
REFRACTORY = "t_ref"

#: The neuron of each class that tells the label, in regular spikes.
LABEL = "n_label : 1 (shared)"
LABEL_THRESHOLD = "label(t) == i and timestep(t, dt) % n_label == 0"

#: An error neuron.
ERROR = "err : 1\nerr_floor : 1 (shared)"
ERROR_THRESHOLD = "err >= 1"
ERROR_RESET = "err -= 1"
#: After the synapses of every step.
ERROR_FLOOR = "err = clip(err, err_floor, inf)"
#: From outputs and labels onto error neurons.
COMPARE_MODEL = "polarity : 1"
COMPARE = "err_post += polarity"

#: From error neurons onto the error compartments.
FEEDBACK_MODEL = "g : 1"
FEEDBACK = "u_post += g"

#: What a rule may see of the target neuron: its membrane.
STATE = "v_post"
#: What precedes a change of a weight by ``d``: none while an image has only begun.
AFTER_ONSET = "d *= int(timestep(t, dt) % n_present >= n_settle)\n"
#: What a spike does to the target; ``w`` is what the weight is read as.
ACT = "v_post += gain*({w})*step"
