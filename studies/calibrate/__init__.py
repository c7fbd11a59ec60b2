"""Fit the parameters of a learning circuit to recorded traces, and say what the recordings fix.

The steps, for one recording or several of the same circuit at once:

1. the comparators, from the recorded decisions;
2. an open-loop fit from round numbers: the model is driven with the recorded counter, so that no
   decision can hide a misfit, and adjusted by least squares until I_mem agrees;
3. the ratio of the DAC's bits, from the steps of the pulses' charges, and the fit once more;
4. the fit again from other starts, and a word if they end elsewhere;
5. closed loop: the pulse times alone;
6. cross-validation: fitted to some of it, how well are the others predicted?

All trial circuits of a Jacobian are one Brian2 group, compiled once: what is fitted is the very
model that `studies.circuit` runs. Standard errors count each pulse as one observation, since what
remains is not white; a parameter without one is not fixed by these recordings.
"""
