"""How networks are trained: from random weights, in phases, to be resumed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ebn_brian.checks import Floats
from ebn_brian.gradient import Descent, Slopes, State, load, train

from .task import TAU, Task

#: Step of W over that of W_f: its entries become larger.
SLOW = 4.0
#: Share of the moments that the ridge regression of the readout keeps.
KEEP = 0.8


@dataclass(frozen=True)
class Phase:
    """So many updates at one rate; `U_scale` is the step of the overall scale of U, 0 holds it."""

    n_updates: int
    rate: float
    U_scale: float = 0.0

    def descent(self, task: Task) -> Descent:
        """The update of this phase. Rates of weights are per unit of potential and spike."""
        slow = {} if task.A is None else {"W": SLOW * self.rate}
        return Descent(
            task.network,
            {"U": self.rate / float(TAU), "W_f": self.rate, **slow},
            scales={"U": self.U_scale, "W_f": 0.03},
            ridge=KEEP,
            autapses=("W",),
        )


def trained(
    task: Task,
    seed: int,
    path: Path,
    progress: Callable[[State, Slopes], None],
    phases: Sequence[Phase],
    trials: int,
) -> tuple[list[State], Floats]:
    """The state at the end of each phase, and cost (n_updates,) by update, of so many trials.

    The state is saved in `path`, with a number for each phase; training goes on from there.
    """
    states: list[State] = []
    until = 0
    state = State(0, task.start(seed), {"costs": np.zeros(0)})
    for number, phase in enumerate(phases):
        until += phase.n_updates
        file = path.with_name(f"{path.name}_{number}.npz")
        if file.exists():
            state = load(file)
        descent = phase.descent(task)

        def update(state: State, descent: Descent = descent) -> tuple[State, Slopes]:
            batch = task.batch(seed, state.n_updates, trials)
            new, slopes = descent.update(state, batch)
            costs = np.append(state.memory["costs"], slopes.cost)
            return replace(new, memory={**new.memory, "costs": costs}), slopes

        for new, slopes in train(state, until, update, file):
            progress(new, slopes)
            state = new
        states.append(state)
    return states, state.memory["costs"]
