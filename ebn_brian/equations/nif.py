"""Non-leaky integrate-and-fire neuron with a threshold on either side, as Brian2 text.

The membrane is the integral of its input. At ``v_th`` it gives a positive spike, at ``-v_th`` a
negative one, and is brought back by ``v_jump``.

Source: Huh and Sejnowski 2018, "Gradient Descent for Spiking Neural Networks", NeurIPS 31 (arXiv:
1706.04698), the neuron of its auto-encoder and of its predictive coding.

=========== ============= ============ =========================================================
symbol      unit          default      meaning
=========== ============= ============ =========================================================
``v``       1                          membrane potential
``I``       hertz                      input: what it changes ``v`` by in a second
``v_th``    1             1            thresholds: ``v_th`` and ``-v_th``
``v_jump``  1             1            step back at a spike: from the threshold to 0
``Delta``   1             0.1          width of the gates, which end at the thresholds
=========== ============= ============ =========================================================
"""

MODEL = """
dv/dt = I : 1
I : Hz
"""
