"""Quadratic integrate-and-fire neuron on the circle (theta neuron), as Brian2 text.

At ``I = 0`` it rests at its saddle, ``v = 1/2``, which a positive input takes away. It spikes at
``v = 1``, which is ``v = 0``: a step back by 1 changes nothing but the number of turns.

Source: Huh and Sejnowski 2018, "Gradient Descent for Spiking Neural Networks", NeurIPS 31 (arXiv:
1706.04698), the neuron of its delayed exclusive or.

=========== ============= ============ =========================================================
symbol      unit          default      meaning
=========== ============= ============ =========================================================
``v``       1                          phase: whole numbers are spikes
``I``       hertz                      input
``tau_v``   second        25 ms        time constant of the membrane
``v_th``    1             1            phase of a spike
``v_jump``  1             1            one turn
``Delta``   1             0.9          width of the gate, which lies around ``v_th``
=========== ============= ============ =========================================================
"""

MODEL = """
dv/dt = (1 + cos(2*pi*v))/tau_v + (1 - cos(2*pi*v))*I : 1
I : Hz
"""
