"""Chips on a GPU with time innermost: one warp steps one block of neurons for many time steps.

Brian2CUDA launches six kernels and more in every time step, which costs some 25 us whatever the
size of the network. Where neurons fall into blocks between which no synapse runs, as chips do, the
whole step becomes one kernel here, as in the C++ core (`ebn_brian.fused`): a warp of 32 threads
owns a block, steps it a thousand times in a launch, and needs no other. Its lanes share the neurons
in the state update, and the synapses of one spike; spikes act one after the other in the order of
C++, so results are those of ``cpp_fused`` to the last bit, where exponentials and the like are.

The rest of the program is that of C++: arrays, values and results. `NotResident` tells why a
network is left to Brian2CUDA.
"""

from .program import NotResident, compile_resident, write_resident

__all__ = ["NotResident", "compile_resident", "write_resident"]
