"""One run of a study of networks that follow signals: training, chips, numbers, files."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import xarray as xr
from matplotlib.figure import Figure
from tqdm import tqdm

from ebn_brian.checks import Floats
from ebn_brian.gradient import Batch, Slopes, State, Weights, save

from ..cli import check_before_start, study_options
from ..engine import alone
from ..results import provenance, show
from ..results import save as save_results
from ..states import state_path, stored_states
from .chips import Chips, without_recurrence
from .figure import Example
from .numbers import WHEN, dataset, summarise, unlike_chips
from .recipe import Phase, trained
from .task import Task


@dataclass(frozen=True)
class Study:
    """What is asked of networks, and how they are trained, measured and drawn.

    Parameters
    ----------
    task
        What the networks are to do.
    phases, trials
        Of training, and trials of an update. States are measured after the last two phases.
    quick_phases, quick_trials
        The same for a small run.
    kappa
        Of the comparators of the rule on the chip.
    describe
        Numbers of a trained network on fresh trials.
    figure
        Of all numbers and one example.
    pretrained
        Folder of weights that come with the study.
    """

    task: Task
    phases: Sequence[Phase]
    trials: int
    quick_phases: Sequence[Phase]
    quick_trials: int
    kappa: float
    describe: Callable[[Task, Weights, Batch, Chips], dict[str, Any]]
    figure: Callable[[xr.Dataset, Example], Figure]
    pretrained: Path

    def training(self, quick: bool) -> tuple[Sequence[Phase], int]:
        """Phases, and trials of an update."""
        if quick:
            return self.quick_phases, self.quick_trials
        return self.phases, self.trials


def tracking_options(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Options of all such studies; `name` is the default folder under ``results``."""
    options = (
        click.option("--networks", default=3, show_default=True, type=click.IntRange(1),
                     help="Trained."),
        click.option("--chips", default=20, show_default=True, type=click.IntRange(1),
                     help="Of each."),
        click.option("--cv", default=0.2, show_default=True, type=click.FloatRange(0, 1)),
        click.option("--pretrained", "stored", is_flag=True,
                     help="Do not train: take stored weights."),
        study_options(name),
    )  # fmt: skip

    def decorate(study: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            study = option(study)
        return study

    return decorate


def states_of(
    study: Study, seed: int, out: Path, quick: bool, bar: tqdm
) -> tuple[dict[str, State], Floats]:
    """Trained states by when, and costs by update; from files where training has been before."""
    phases, trials = study.training(quick)
    settings = {"task": repr(study.task), "phases": repr(phases), "trials": trials}
    path = state_path(out, trained, settings, seed)
    bar.n = 0

    def progress(state: State, slopes: Slopes) -> None:
        bar.set_postfix(seed=seed, cost=f"{slopes.cost:.3f}", refresh=False)
        bar.update(state.n_updates - bar.n)

    states, costs = trained(study.task, seed, path, progress, phases, trials)
    return dict(zip(WHEN, states[-len(WHEN) :], strict=True)), costs


def pretrained(folder: Path, seed: int) -> tuple[dict[str, State], Floats]:
    """States that come with the study."""
    stored = stored_states(folder, seed, [f"_{when}" for when in WHEN])
    states = dict(zip(WHEN, stored, strict=True))
    return states, states[WHEN[-1]].memory["costs"]


def run(study: Study, options: dict[str, Any]) -> None:
    """Train, measure, and write all results, from the options of the command line."""
    begin = time.perf_counter()
    out, device, quick, seed = (options[name] for name in ("out", "device", "quick", "seed"))
    networks = 1 if quick else options["networks"]
    n_chips = min(options["chips"], 2) if quick else options["chips"]
    task = study.task
    check_before_start(out, device)
    seeds = range(seed, seed + networks)
    stored = options["stored"]
    before = {own: pretrained(study.pretrained, own) for own in seeds} if stored else {}
    with alone(out) as programs:
        click.echo(f"Building the program, {n_chips} chips ({device})")
        chips = Chips(task, n_chips, device, programs / "chips", study.kappa)
        batch = task.fresh(seed, n_chips)
        chips.run(chips.values(task.start(seed)), batch)  # it can be built and run
        described, unlike, weights, costs = {}, {}, {}, {}
        n_updates = sum(phase.n_updates for phase in study.training(quick)[0])
        for own in seeds:
            with tqdm(total=n_updates, desc="updates", disable=stored) as bar:
                states, costs[own] = before.get(own) or states_of(study, own, out, quick, bar)
            for when, state in states.items():
                weights[own, when] = state.weights
                trials = task.fresh(own, n_chips)
                described[own, when] = study.describe(task, state.weights, trials, chips)
                memory = {"costs": costs[own]}
                save(out / f"seed{own}_{when}.npz", State(state.n_updates, state.weights, memory))
            unlike[own] = unlike_chips(task, states["held"].weights, chips, options["cv"], own)
        data = dataset(described, unlike, weights, costs)
        first = weights[seed, "held"]
        on, off = (chips.run(chips.values(w), batch) for w in (first, without_recurrence(first)))
        summary, rows = summarise(data)
        summary |= {"wall_s": time.perf_counter() - begin, "provenance": provenance(options)}
        save_results(out, summary, data, study.figure(data, Example(first, batch, on, off)))
    show(rows, f"{networks} networks on fresh trials, before and after U's scale is released")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
