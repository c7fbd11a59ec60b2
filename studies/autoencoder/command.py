"""Does gradient descent through spikes find the balanced code?

Networks of 30 non-leaky neurons are trained from random weights to give two signals back, by exact
gradients through their spikes (Huh and Sejnowski 2018, Figure 2). Do they find the balanced code,
W_f = -U O with U like O^T? Then they run as spiking chips in Brian2: alike, unlike, and unlike with
fast weights that go on to learn by the discrete rule.
"""

import time
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ebn_brian.gradient import Slopes, State, load, save

from ..lab.cli import check_before_start, study_options
from ..lab.engine import alone
from ..lab.results import provenance, show
from ..lab.results import save as save_results
from ..lab.store import keys
from .figure import Example, figure
from .numbers import WHEN, dataset, describe, summarise, unlike_chips
from .recipe import PHASES, TRIALS, Phase, trained
from .simulation import Chips, without_recurrence
from .task import Task

#: Signals of three harmonics, and the price of activity.
TASK = Task(harmonics=3, activity=1000.0)
#: States that are measured, by the phase after which they are.
MEASURED = dict(zip(WHEN, (1, 2), strict=True))
QUICK = (Phase(4, 0.004), Phase(2, 0.001), Phase(2, 0.0007, 0.03))
PRETRAINED = Path(__file__).parent / "pretrained"


def states_of(seed: int, out: Path, quick: bool, bar: tqdm) -> tuple[dict[str, State], Any]:
    """Trained states by when, and costs by update; from files where training has been before."""
    phases, trials = (QUICK, 8) if quick else (PHASES, TRIALS)
    settings = {"task": repr(TASK), "phases": repr(phases), "trials": trials}
    key = keys(trained, settings, {"seed": (seed,)})["seed"].hex()[:12]
    folder = out / "states"
    folder.mkdir(exist_ok=True)
    bar.n = 0

    def progress(state: State, slopes: Slopes) -> None:
        bar.set_postfix(seed=seed, cost=f"{slopes.cost:.3f}", refresh=False)
        bar.update(state.n_updates - bar.n)

    states, costs = trained(TASK, seed, folder / f"seed{seed}_{key}", progress, phases, trials)
    return {when: states[phase] for when, phase in MEASURED.items()}, costs


def pretrained(seed: int) -> tuple[dict[str, State], Any]:
    """States that come with the study."""
    files = {when: PRETRAINED / f"seed{seed}_{when}.npz" for when in WHEN}
    if missing := [str(file) for file in files.values() if not file.is_file()]:
        known = sorted({f.stem.partition("_")[0] for f in PRETRAINED.glob("*.npz")})
        raise click.UsageError(
            f"--pretrained: {missing[0]} is not there; come with the study: {', '.join(known)}"
        )
    states = {when: load(file) for when, file in files.items()}
    return states, states[WHEN[-1]].memory["costs"]


@click.command(help=__doc__)
@click.option("--networks", default=3, show_default=True, type=click.IntRange(1), help="Trained.")
@click.option("--chips", default=20, show_default=True, type=click.IntRange(1), help="Of each.")
@click.option("--cv", default=0.2, show_default=True, type=click.FloatRange(0, 1))
@click.option("--pretrained", "stored", is_flag=True, help="Do not train: take stored weights.")
@study_options("autoencoder")
def main(**options: Any) -> None:
    begin = time.perf_counter()
    out, device, quick, seed = (options[name] for name in ("out", "device", "quick", "seed"))
    networks = 1 if quick else options["networks"]
    n_chips = min(options["chips"], 2) if quick else options["chips"]
    check_before_start(out, device)
    seeds = range(seed, seed + networks)
    before = {own: pretrained(own) for own in seeds} if options["stored"] else {}
    with alone(out) as programs:
        click.echo(f"Building the program, {n_chips} chips ({device})")
        chips = Chips(TASK, n_chips, device, programs / "chips")
        batch = TASK.fresh(seed, n_chips)
        chips.run(chips.values(TASK.start(seed)), batch)  # it can be built and run
        described, unlike, weights, costs = {}, {}, {}, {}
        n_updates = sum(phase.n_updates for phase in (QUICK if quick else PHASES))
        for own in seeds:
            with tqdm(total=n_updates, desc="updates", disable=options["stored"]) as bar:
                states, costs[own] = before.get(own) or states_of(own, out, quick, bar)
            for when, state in states.items():
                weights[own, when] = state.weights
                described[own, when] = describe(
                    TASK, state.weights, TASK.fresh(own, n_chips), chips
                )
                memory = {"costs": costs[own]}
                save(out / f"seed{own}_{when}.npz", State(state.n_updates, state.weights, memory))
            unlike[own] = unlike_chips(TASK, states["held"].weights, chips, options["cv"], own)
        data = dataset(described, unlike, weights, costs)
        first = weights[seed, "held"]
        on, off = (chips.run(chips.values(w), batch) for w in (first, without_recurrence(first)))
        summary, rows = summarise(data)
        summary |= {"wall_s": time.perf_counter() - begin, "provenance": provenance(options)}
        save_results(out, summary, data, figure(data, Example(first, batch, on, off)))
    show(rows, f"{networks} networks on fresh trials, before and after U's scale is released")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
