"""Chips of LIF neurons learn a balanced code: the main study.

Compares every chip before and after learning with its optimal network, on input that it has not
seen: ``python -m studies.learning --chips 20 --seed 3 --out results/learning``.
"""

import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import numpy as np
import xarray as xr
from brian2 import Hz, Quantity, second
from tqdm import tqdm

from ebn_brian import balance, signals
from ebn_brian.network import V_UNIT
from ebn_brian.plasticity import DiscreteRule

from . import published as paper
from .common import check_before_start, provenance, save, show, study_options
from .learning_figure import figure
from .training import DT, Drive, Evaluation, Simulation, noise, repeated, steps

#: Length of the unseen input that codes are compared on.
TEST = 10 * second
#: At most so much of a recording's held-out part is evaluated.
TEST_MAX = 30 * second
#: Seconds of training after which the code is evaluated; the last is the end of the training.
CHECKPOINTS = (0, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300)
STAGES = ("initial", "optimal", "learned")
MEASURES = ("distance", "correlation", "error", "rate_hz", "paper_error")
CURVES = MEASURES[:-1]


@dataclass(frozen=True)
class Task:
    """What is to be learned: networks, their initial weights, the input to train and to test on."""

    D: np.ndarray  # (n_chips, n_signals, n_neurons)
    initial: np.ndarray  # (n_chips, n_neurons, n_neurons)
    training: Drive
    test: Quantity  # (n_steps, n_signals)


@dataclass(frozen=True)
class Result:
    """Evaluations before, while and after learning."""

    evaluations: dict[str, Evaluation]  # by stage
    times: np.ndarray  # of the checkpoints, s
    curves: dict[str, np.ndarray]  # measure: (checkpoint, chip)
    chip_seconds_per_cpu_second: float


def make_rule(step: float | None, kappa: float, dead_zone: float, bits: int | None) -> DiscreteRule:
    """The rule in units of ``|D|**2``. Few bits need steps wide enough to reach ``|D|**2``."""
    if not 0 < kappa < np.inf:
        raise ValueError(f"kappa={kappa}: must be finite and positive, it sets the threshold")
    if step is None:
        step = 0.04 if bits is None else max(0.04, 1 / max(1, 2 ** (bits - 1) - 1))
    zone = None if dead_zone is None else dead_zone * V_UNIT  # None: kappa*step/2
    return DiscreteRule(step * V_UNIT, kappa, zone, bits)


def random_task(
    n_chips: int, n_neurons: int, decoder: str, rule: DiscreteRule, seed: int, recording=None
) -> Task:
    """Chips with decoders and initial weights of their own, and smoothed noise or a recording."""
    n_signals = 2 if recording is None else recording.shape[1]
    make_decoder = {"random": balance.random_decoder, "even": balance.even_decoder}[decoder]
    D = make_decoder(n_signals, n_neurons, seed, n_chips=n_chips)
    step = float(rule.step / V_UNIT)
    largest = rule.w_max * step if rule.n_bits else None
    initial = balance.random_weights(n_chips, n_neurons, seed, step=step, max_weight=largest)
    if recording is None:
        # the test input is another stream of the same kind
        test = noise(n_signals, seed ^ 0x5EED0000)(0, steps(TEST))
        return Task(D, initial, noise(n_signals, seed), test)
    training, test = signals.split(recording)
    return Task(D, initial, repeated(training), test[: steps(TEST_MAX)])


def learn(simulation: Simulation, task: Task, training: float, progress: bool = True) -> Result:
    """Train all chips for `training` seconds, evaluating their code on the way."""
    times = np.array([t for t in CHECKPOINTS if t < training] + [training])
    learned = initial = simulation.evaluate(task.initial, task.test)
    state, curves = simulation.rest(task.initial), [initial.measures]
    spent = 0.0
    with tqdm(total=training, unit="s", desc="training", disable=not progress or None) as bar:
        for begin, end in pairwise(steps(t * second) for t in times):
            before = simulation.cpu_seconds
            for stretch in simulation.advance(
                state, task.training, begin, end - begin, plastic=True
            ):
                state = stretch.state
                bar.update(stretch.n_steps * float(DT))
            spent += simulation.cpu_seconds - before
            learned = simulation.evaluate(simulation.weights(state), task.test)
            curves.append(learned.measures)
    optimal = simulation.evaluate(simulation.optimal, task.test)
    return Result(
        {"initial": initial, "optimal": optimal, "learned": learned},
        times,
        {name: np.array([c[name] for c in curves]) for name in CURVES},
        simulation.n_chips * training / spent,
    )


def _measures(evaluation: Evaluation) -> dict[str, np.ndarray]:
    return evaluation.measures | {"paper_error": evaluation.paper_error}


def summarise(result: Result) -> dict:
    """Flat numbers: ``MEASURE_STAGE_median`` and ``_worst`` over chips, and the rest."""
    summary: dict = {}
    for stage, evaluation in result.evaluations.items():
        for name, values in _measures(evaluation).items():
            worst = values.min() if name == "correlation" else values.max()
            summary[f"{name}_{stage}_median"] = float(np.median(values))
            summary[f"{name}_{stage}_worst"] = float(worst)
    summary["spikes_per_step_max"] = max(
        e.spikes_per_step_max() for e in result.evaluations.values()
    )
    summary["chip_seconds_per_cpu_second"] = result.chip_seconds_per_cpu_second
    return summary


def dataset(result: Result) -> xr.Dataset:
    """Weights, decoders, curves and measures with labelled dimensions."""
    stages = result.evaluations
    simulation = stages["initial"].simulation
    measures = {stage: _measures(stages[stage]) for stage in STAGES}
    data = xr.Dataset(
        {
            "D": (("chip", "signal", "neuron"), simulation.D),
            "Omega": (
                ("stage", "chip", "target", "source"),
                np.stack(np.broadcast_arrays(*(stages[stage].Omega for stage in STAGES))),
                {"units": "1", "long_name": "recurrent weights in units of |D|^2"},
            ),
        },
        coords={"stage": list(STAGES), "training_time": ("training_time", result.times)},
    )
    data["training_time"].attrs["units"] = "s"
    for name in MEASURES:
        units = {"units": "Hz" if name == "rate_hz" else "1"}
        values = np.stack([measures[stage][name] for stage in STAGES])
        data[name] = ("stage", "chip"), values, units
        if name in CURVES:
            data[f"{name}_while_learning"] = ("training_time", "chip"), result.curves[name], units
    return data


def stage_table(summary: dict) -> dict:
    """Rows for the terminal."""
    return {
        name: {f"{stage} {of}": summary[f"{name}_{stage}_{of}"] for stage in STAGES for of in OF}
        for name in MEASURES
    }


OF = ("median", "worst")


@click.command()
@click.option("--chips", default=20, show_default=True, type=click.IntRange(1))
@click.option("--neurons", default=20, show_default=True, type=click.IntRange(2))
@click.option(
    "--decoder", default="random", show_default=True, type=click.Choice(["random", "even"])
)
@click.option(
    "--kappa", default=2.5, show_default=True, help="Gain of the comparators' copy of the weight."
)
@click.option("--step", type=float, help="Weight step in units of |D|^2  [default: 0.04]")
@click.option("--dead-zone", default=0.25, show_default=True, help="In units of |D|^2.")
@click.option("--literal", is_flag=True, help="Equation (3) as printed: kappa 1, dead zone step/2.")
@click.option("--bits", type=int, help="Bits of the weight counters  [default: no rails]")
@click.option(
    "--training", type=float, help="Seconds of training  [default: 30; 50 with --published]"
)
@click.option(
    "--synapse", default="delta", show_default=True, type=click.Choice(["delta", "exponential"])
)
@click.option(
    "--reset", default="absolute", show_default=True, type=click.Choice(["absolute", "subtractive"])
)
@click.option(
    "--published",
    type=click.Path(path_type=Path),
    help="Folder with the paper's Figure 1 data: run its case.",
)
@click.option(
    "--signal", type=click.Path(path_type=Path), help="A recording (CSV, NPY, WAV) to encode."
)
@click.option(
    "--sampling-rate", type=float, help="Of --signal in Hz, where the file does not tell."
)
@study_options("learning")
def main(**options) -> None:
    """Chips of LIF neurons learn a balanced code with the discrete rule.

    Writes figure.png, summary.json and data.nc, and prints the summary.
    """
    begin = time.perf_counter()
    options = dict(options)
    if options["literal"]:
        options["kappa"], options["dead_zone"] = 1.0, None
    if options["quick"]:
        options["chips"] = min(options["chips"], 4)
    if options["published"]:
        options["chips"] = 1
    if options["training"] is None:
        options["training"] = 5.0 if options["quick"] else 50.0 if options["published"] else 30.0
    out = options["out"]
    try:
        task, rule, published = _prepare(options)
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from error
    check_before_start(out, options["device"])

    click.echo(f"Building {len(task.D)} chips of {task.D.shape[-1]} neurons ({options['device']})")
    simulation = Simulation(
        task.D, rule, synapse=options["synapse"], reset=options["reset"], device=options["device"]
    )
    result = learn(simulation, task, options["training"])
    summary = summarise(result)
    if published:
        summary |= paper.comparison(result.evaluations["learned"], published)
    summary["wall_s"] = time.perf_counter() - begin
    summary["provenance"] = provenance(options)
    save(out, summary, dataset(result), figure(result))

    show(stage_table(summary), f"{len(task.D)} chips, median and worst on unseen input")
    if published:
        show(paper.table(summary), "The published second of input")
    click.echo(
        f"spikes per step at most {summary['spikes_per_step_max']}; "
        f"{summary['chip_seconds_per_cpu_second']:.0f} chip-seconds of learning per CPU-second; "
        f"{summary['wall_s']:.0f} s in all"
    )
    click.echo(f"figure, numbers and data: {out}/")


def _prepare(options: dict) -> tuple[Task, DiscreteRule, dict | None]:
    """Everything that can be wrong with the input is found here."""
    if options["published"] and options["signal"]:
        raise ValueError("--published and --signal: one at a time")
    if not 0 < options["training"] < np.inf or steps(options["training"] * second) < 1:
        raise ValueError(f"training={options['training']}: must be positive and finite, in s")
    rule = make_rule(options["step"], options["kappa"], options["dead_zone"], options["bits"])
    seed = options["seed"]
    if options["published"]:
        published = paper.load(options["published"])
        initial = balance_grid(published["initial"], rule)
        task = Task(published["D"][None], initial[None], noise(2, seed), published["c"] * Hz)
        return task, rule, published
    recording = None
    if options["signal"]:
        rate = options["sampling_rate"]
        recording, info = signals.load(
            options["signal"], DT, sampling_rate=None if rate is None else rate * Hz
        )
        click.echo(
            f"{info['file']}: {recording.shape[1]} channels, {info['duration_s']:.4g} s; "
            f"the last quarter is kept for the test"
        )
    task = random_task(
        options["chips"], options["neurons"], options["decoder"], rule, seed, recording
    )
    return task, rule, None


def balance_grid(Omega: np.ndarray, rule: DiscreteRule) -> np.ndarray:
    """`Omega` on the grid and within the rails of `rule`."""
    step = float(rule.step / V_UNIT)
    return np.clip(np.rint(Omega / step), -rule.w_max, rule.w_max) * step


if __name__ == "__main__":
    main()
