"""Can a trained spiking network hold two pulses, and answer with their exclusive or?

Networks of 80 quadratic neurons are trained to tell, after a delay and a go-cue, whether two
pulses had unlike signs (Huh and Sejnowski 2018, Figure 4). How long may the delays be, and how long
with the same weights before training and a readout fitted to them? Both run as trained and as
spiking networks in Brian2.
"""

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from brian2 import ms
from tqdm import tqdm

from ebn_brian.gradient import State, Weights, save

from ..lab.cli import check_before_start, study_options
from ..lab.engine import alone
from ..lab.results import provenance, show
from ..lab.results import save as save_results
from ..lab.states import state_path, stored_states
from .figure import figure
from .numbers import dataset, fresh, measured, summarise
from .prior import Mode, weights
from .recipe import FITTED, PHASES, TRIALS, Phase, trained, with_readout
from .simulation import Chips

QUICK = (Phase(2, 50 * ms),)
PRETRAINED = Path(__file__).parent / "pretrained"


def trained_state(seed: int, out: Path, quick: bool) -> State:
    """The trained network; from a file where training has been before."""
    phases, n = (QUICK, 48) if quick else (PHASES, TRIALS)
    settings = {"phases": repr(phases), "trials": n}
    path = state_path(out, trained, settings, seed).with_suffix(".npz")
    with tqdm(total=sum(phase.n_updates for phase in phases), desc=f"seed {seed}") as bar:

        def progress(state: State) -> None:
            bar.set_postfix(cost=f"{state.memory['costs'][-1]:.3f}", refresh=False)
            bar.update(state.n_updates - bar.n)

        state = trained(seed, path, progress, phases, n)
    return replace(state, weights=with_readout(state.weights, seed, n if quick else FITTED))


def readout_for(own: Weights, seed: int, n: int, delay: int) -> Weights:
    """The same weights with a readout fitted on trials of one delay, in ms."""
    return with_readout(own, seed, n, delay * ms, delay * ms)


@click.command(help=__doc__)
@click.option("--networks", default=3, show_default=True, type=click.IntRange(1), help="Trained.")
@click.option(
    "--trials",
    default=300,
    show_default=True,
    type=click.IntRange(6),
    help="Of the test, for each network and delay.",
)
@click.option("--pretrained", "stored", is_flag=True, help="Do not train: take stored weights.")
@study_options("delayed_xor")
def main(**options: Any) -> None:
    begin = time.perf_counter()
    out, device, quick, seed = (options[name] for name in ("out", "device", "quick", "seed"))
    networks = 1 if quick else options["networks"]
    n = min(options["trials"], 12) if quick else options["trials"]
    check_before_start(out, device)
    seeds = range(seed, seed + networks)
    before = (
        {own: stored_states(PRETRAINED, own, [""])[0] for own in seeds} if options["stored"] else {}
    )
    with alone(out) as programs:
        n_chips = min(n, 60)
        click.echo(f"Building the program, {n_chips} chips ({device})")
        chips = Chips(n_chips, device, programs / "chips")
        chips.run(weights(seed, Mode()), fresh(seed, 20, n_chips, n_chips)[0])  # it can be run
        states, accuracies = {}, {}
        for own in seeds:
            states[own] = before.get(own) or trained_state(own, out, quick)
            memory = {"costs": states[own].memory["costs"]}
            save(out / f"seed{own}.npz", State(states[own].n_updates, states[own].weights, memory))
            random, fitted = weights(own, Mode()), 48 if quick else FITTED
            arms = {
                "trained": states[own].weights,
                "control": with_readout(random, own, fitted),
                "control_own": partial(readout_for, random, own, fitted),
            }
            accuracies[own] = measured(arms, own, n, chips)
        data = dataset(
            accuracies,
            {own: state.weights for own, state in states.items()},
            {own: state.memory["costs"] for own, state in states.items()},
        )
        summary, rows = summarise(data)
        summary |= {"wall_s": time.perf_counter() - begin, "provenance": provenance(options)}
        save_results(out, summary, data, figure(data, seed, states[seed].weights))
    show(rows, f"share of right answers in {n} fresh trials of each delay; chance is 1/3")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
