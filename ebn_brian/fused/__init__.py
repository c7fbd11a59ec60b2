"""A C++ core for Brian2: the whole time step as one function, block of neurons by block.

::

    import ebn_brian.fused
    set_device("cpp_fused", build_on_run=False)     # then as with 'cpp_standalone'

State update, thresholds, resets, synapses and monitors of a network become one code object,
generated from the user's equations by Brian2 itself. Where no synapse crosses, neurons are cut
into blocks that fit in the cache, and each block runs for `fused.h`'s ``CHUNK`` steps before the
next one. Where few neurons hang together (chips of up to 40 neurons in double precision, 64 in
single, all of one group), blocks are as small, and their state stays in registers from one event to
the next (`quiet`). Results are those of ``cpp_standalone``, with spikes in the same order: to the
last bit, without the compiler's ``-ffast-math`` (`ebn_brian.devices.STRICT_FLAGS`).

==================== ==============================================================================
what                 how it runs
==================== ==============================================================================
NeuronGroups with    in blocks: events, custom events, ``run_on_event``, ``run_regularly``,
Synapses             refractoriness, several groups and pathways, ``on_post``, event-driven
                     synapses, a delay that all synapses of a pathway share (``delay=...``)
monitors             in blocks: SpikeMonitor, StateMonitor of neurons, PopulationRateMonitor
what is done on a    between the steps of blocks, which go on to the next tick: a StateMonitor or
slower clock         ``run_regularly`` with a ``dt`` at least 8 times the neurons'
random functions,    fused, but all neurons together and one step at a time (in this order random
shared variables     numbers are drawn as in ``cpp_standalone``); so do synapses with differential
that are written,    equations of their own, linked variables, subgroups that run code, a
...                  SpikeGeneratorGroup, PoissonInput, monitors of synapses, and programs with a
                     ``maximum_run_time``
all that is unknown  Brian2's own code, called between the fused parts, one step at a time: summed
                     variables, clocks other than `Clock`, C++ functions of one's own. Several
                     clocks are fused each on its own
delays that differ   Brian2's own code for this pathway (for all, in a network that would run in
between synapses     blocks), decided when the simulation starts and said on its output
OpenMP               Brian2's own code
==================== ==============================================================================

Also one step at a time the fused code is faster (``python -m studies.benchmark --examples``).
Random numbers are drawn for many neurons at once. Exponentials, and powers with fixed exponents,
are of whole vectors with the bits of the C library's, which is tried when the simulation starts:
where a bit differs, the library is called. Synapses take 16 bytes for a stretch of consecutive
targets, 8 for a stretch of synapses with any targets, or 4 each, whatever is least.

A message of level INFO tells why a network does not run in blocks. A delay that is given per
synapse (no ``delay=`` in `Synapses`) is looked at when the simulation starts, and fused if all
are equal. Several ``run`` calls go on from each other as in ``cpp_standalone``: spikes under way
at the end of one arrive in the next, also where delays, the time step or ``active`` have changed.

A C++ function of one's own (`brian2.implementation`) may keep a state, a random generator say,
though Brian2 takes it for stateless unless told otherwise; so what calls it is left to Brian2's own
code. If its value depends on its arguments alone, say so, and the network may run in blocks::

    my_function.pure = True

``set_device('cpp_fused', threads=2)`` shares the blocks among threads, each of which takes the next
one that is left. Where all neurons hang together, they share long state updates: of 256 neurons for
each thread where there are exponentials or the like, of 8192 otherwise. Results do not depend on
their number, to the last bit and with spikes in the same order. A profiled network has one thread.

``run(..., profile=True)`` measures each part, also within the fused step: what is copied between
parts counts to the part that follows. Measuring costs some 20 ns for each part and block.

Single precision: subnormal numbers are flushed to zero in the fused code (`FLUSH_TO_ZERO` does it
for a whole program of any C++ device). In strict double precision they are not, and processors take
a hundred cycles for each: chips that have been silent for so long that currents are subnormal (700
time constants) run up to ten times slower.

Brian2 takes the time step and constants in equations as doubles also in single precision;
``set_device('cpp_fused', single_arithmetic=True)`` takes them as single: twice as fast, not equal
to ``cpp_standalone`` to the last bit. ``reciprocals=True`` multiplies by reciprocals of what is
constant in place of divisions, in blocks. ``devices.build(precision='double_fast')``, as well as
``'single_arithmetic'``, does so with the flags that go with it.
"""

from .arithmetic import FLUSH_TO_ZERO
from .device import cpp_fused_device

__all__ = ["FLUSH_TO_ZERO", "cpp_fused_device"]
