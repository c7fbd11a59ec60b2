"""Learning circuits that are not alike: experiment 1 of the paper's section IV, a thousand times.

The comparators hold each membrane at the reference by means of the counter, which starts at 8 and
would end at 0 if the neuron's own input were exact. With mismatch it must end where it makes up for
the difference. How far does it go, does it come to rest, and how well does it hold the current?
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from brian2 import Quantity, second
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ebn_brian import devices, mismatch
from ebn_brian.checks import Floats
from ebn_brian.chips.circuit import SAMPLED, circuit_values, learning_circuit, sampled
from ebn_brian.dpi_model import Circuit, experiment_1

from .circuit.experiment import END, ONSETS
from .lab.cli import check_before_start, repeatable, study_options
from .lab.collect import collect
from .lab.engine import alone, engine_options, report, run, time_limit, workers
from .lab.palette import BLACK, BLUE, LIGHT_BLUE, RED, YELLOW
from .lab.results import provenance, save, share, show
from .lab.store import Arrays

CVS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
QUICK_CVS = (0.0, 0.2)
#: Parameters of `Circuit` that have mismatch together.
PARAMETERS = {
    "neuron": ("tau", "I_th", "gain_n", "I_dc"),
    "synapse": ("I_lsb", "tau_e", "gain_e", "tau_i", "gain_i"),
    "comparator": ("I_ref",),
}
SETS = {"all": tuple(name for names in PARAMETERS.values() for name in names), **PARAMETERS}
COLORS = dict(zip(SETS, (BLACK, RED, BLUE, YELLOW), strict=True))
#: Circuits of one task.
BLOCK = 100
#: A circuit has come to rest if its counter stays within one LSB over so many pulses.
LAST = 20
MEASURES = {
    "final_weight": ("LSB", "counter after the last pulse"),
    "settled": ("1", f"whether the counter stays within 1 LSB over the last {LAST} pulses"),
    "held": ("1", "whether the mean current before these pulses is within I_SL of the reference"),
    "I_before": ("A", "mean current before these pulses"),
    "I_rest": ("A", "resting current without pulses"),
    "I_ref": ("A", "the comparators' reference"),
}
#: Set, CV and first circuit of a task.
Task = tuple[str, float, int]


@dataclass(frozen=True)
class Bench:
    """A program for a block of circuits; circuits go by number and `seed`."""

    program: devices.Program
    circuit: Circuit
    timeout: Quantity | None
    seed: int


def values_of(bench: Bench, set_name: str, cv: float, first: int) -> dict[str, Floats]:
    """Parameters of a block of circuits by full name, base units, (BLOCK,) each.

    They are what `mismatch.apply_mismatch` gives the neurons of `learning_circuit`.
    """
    nominal = circuit_values(bench.circuit)
    values = {f"neurons.{name}": np.full(BLOCK, float(nominal[name])) for name in SETS["all"]}
    cvs = {f"neurons.{name}": cv for name in SETS[set_name]}
    return mismatch.spread(values, cvs, seed=bench.seed, chips=range(first, first + BLOCK))


def resting_currents(circuit: Circuit, values: Mapping[str, Floats]) -> Floats:
    """Resting currents (A) of circuits without pulses, (BLOCK,)."""
    own = {name.removeprefix("neurons."): v for name, v in values.items()}
    circuits = (
        circuit.with_values(**dict(zip(own, each, strict=True)))
        for each in zip(*own.values(), strict=True)
    )
    return np.array([float(one.I_rest) for one in circuits])


def run_block(bench: Bench, set_name: str, cv: float, first: int) -> dict[str, np.ndarray]:
    """`MEASURES` of a block of circuits, (BLOCK,) each."""
    values = values_of(bench, set_name, cv, first)
    result = bench.program.run(
        values,
        duration=(END + 1e-6) * second,
        read=list(SAMPLED.values()),
        timeout=bench.timeout,
    )
    samples = sampled(result, BLOCK)
    before = np.searchsorted(samples["t"], ONSETS[-LAST:]) - 1
    counter = samples["code"][before]
    I_before = samples["I_mem"][before].mean(axis=0)
    I_ref = values["neurons.I_ref"]
    return {
        "final_weight": samples["code"][-1],
        "settled": np.ptp(counter, axis=0) <= 1,
        "held": np.abs(I_before - I_ref) <= float(bench.circuit.I_SL),
        "I_before": I_before,
        "I_rest": resting_currents(bench.circuit, values),
        "I_ref": I_ref,
    }


def assemble(
    tasks: Mapping[str, Task],
    results: Mapping[str, Arrays],
    sets: Sequence[str],
    cvs: Sequence[float],
    n: int,
) -> xr.Dataset:
    """All circuits, labelled."""
    parts, where = {}, {}
    for name, arrays in results.items():
        set_name, cv, first = tasks[name]
        numbers = list(range(first, min(first + BLOCK, n)))
        parts[name] = {m: values[: len(numbers)].astype(float) for m, values in arrays.items()}
        where[name] = {"set": set_name if cv else sets, "cv": cv, "circuit": numbers}
    dims = ("set", "cv", "circuit")
    variables = {
        name: (dims, {"units": unit, "long_name": meaning})
        for name, (unit, meaning) in MEASURES.items()
    }
    coords = {"set": sets, "cv": cvs, "circuit": range(n)}
    return collect(parts, where, coords, variables, ("circuit",))


def summarise(data: xr.Dataset) -> tuple[dict, dict]:
    """Flat numbers, ``MEASURE_SET_CV``, and rows for the terminal."""
    summary: dict = {}
    rows: dict = {}
    shares = {name: share(data[name], "circuit") for name in ("settled", "held")}
    for set_name in data["set"].values:
        for cv in data["cv"].values:
            at = data.sel(set=set_name, cv=cv).dropna("circuit")
            if not at.sizes["circuit"]:
                continue
            w, place = at["final_weight"], {"set": set_name, "cv": cv}
            row: dict = {name: float(shares[name][0].sel(place)) for name in shares}
            row |= {"weight median": float(w.median()), "weight SD": float(w.std())}
            row |= {f"weight {q} %": float(w.quantile(q / 100)) for q in (5, 95)}
            error = (at["I_before"] / at["I_ref"] - 1) * 100
            unlearned = (at["I_rest"] / at["I_ref"] - 1) * 100
            row |= {"off by %": float(error.std()), "unlearned %": float(unlearned.std())}
            row["circuits"] = at.sizes["circuit"]
            point = f"{set_name}_{cv:g}"
            for name in shares:
                for suffix, value in zip(("", "_low", "_high"), shares[name], strict=True):
                    summary[f"{name}_{point}{suffix}"] = float(value.sel(place))
            summary |= {
                f"final_weight_{point}_median": row["weight median"],
                f"final_weight_{point}_sd": row["weight SD"],
                f"current_off_percent_{point}": row["off by %"],
                f"current_off_percent_unlearned_{point}": row["unlearned %"],
                f"n_circuits_{point}": row["circuits"],
            }
            if cv or set_name == data["set"].values[0]:
                rows[f"{set_name if cv else 'none'} {100 * cv:g} %"] = row
    return summary, rows


def figure(data: xr.Dataset) -> Figure:
    """Final weights, shares of circuits, and how well the current is held, against CV."""
    with sns.axes_style("ticks"), plt.rc_context({"font.size": 9}):
        fig, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    _weights(left, data)
    for set_name in map(str, data["set"].values):
        _shares(middle, data.sel(set=set_name), COLORS[set_name])
        _currents(right, data.sel(set=set_name), COLORS[set_name])
    middle.set(ylim=(-0.03, 1.03), ylabel="share of circuits")
    middle.set_title("at rest (filled), within I_SL (open)", loc="left")
    right.set(ylabel="current / reference: SD (%)")
    right.set_title("learned (filled), unlearned (open)", loc="left")
    handles = [plt.Line2D([], [], color=COLORS[str(s)], label=s) for s in data["set"].values]
    right.legend(handles=handles, frameon=False, title="mismatch of")
    for ax in (left, middle, right):
        ax.set_xlabel("CV (%)")
        sns.despine(ax=ax)
    return fig


def _weights(ax: Axes, data: xr.Dataset) -> None:
    """Where the counters of the first set end."""
    first = str(data["set"].values[0])
    weights = data["final_weight"].sel(set=first).to_dataframe().reset_index().dropna()
    weights["cv"] = (100 * weights["cv"]).map("{:g}".format)
    style = {"cut": 0, "bw_adjust": 0.4, "density_norm": "width", "linewidth": 0.6}
    sns.violinplot(
        weights, x="cv", y="final_weight", color=LIGHT_BLUE, inner="quart", ax=ax, **style
    )
    rail = experiment_1().rule().w_max
    for limit in (-rail, rail):
        ax.axhline(limit, color="0.6", lw=0.7, ls="--")
    ax.set(ylabel="final weight (LSB; dashed: rails)")
    ax.set_title(f"mismatch of: {first}", loc="left")


def _shares(ax: Axes, data: xr.Dataset, color: str) -> None:
    """Circuits that come to rest, with their interval, and circuits that hold their current."""
    cvs = 100 * data["cv"].values
    settled, low, high = share(data["settled"], "circuit")
    ax.errorbar(cvs, settled, [settled - low, high - settled], color=color, marker="o", ms=4)
    held, _, _ = share(data["held"], "circuit")
    ax.plot(cvs, held, color=color, ls=":", marker="o", ms=4, mfc="w")


def _currents(ax: Axes, data: xr.Dataset, color: str) -> None:
    """How far currents are from their references."""
    for name, line, fill in (("I_before", "-", color), ("I_rest", ":", "w")):
        off = (100 * (data[name] / data["I_ref"] - 1)).std("circuit")
        ax.plot(100 * data["cv"].values, off, line, marker="o", color=color, ms=4, mfc=fill)


@click.command(help=__doc__)
@click.option("--circuits", default=1000, show_default=True, type=click.IntRange(2))
@repeatable("--cv", "cvs", click.FloatRange(0, 2), "Mismatch", ", ".join(map("{:g}".format, CVS)))
@repeatable("--set", "sets", click.Choice(list(SETS)), "Parts with mismatch", "every set")
@engine_options
@study_options("circuit_mismatch")
def main(**options) -> None:
    begin = time.perf_counter()
    out, device = options["out"], options["device"]
    n = min(options["circuits"], 100) if options["quick"] else options["circuits"]
    cvs = sorted(set(options["cvs"] or (QUICK_CVS if options["quick"] else CVS)))
    sets = [s for s in SETS if s in (options["sets"] or SETS)]
    check_before_start(out, device)
    circuit = experiment_1()
    # without mismatch there is one circuit, and all sets are the same
    tasks: dict[str, Task] = {
        f"{set_name}-{cv:g}-{first}": (set_name, cv, first)
        for cv in cvs
        for set_name in (sets if cv else sets[:1])
        for first in range(0, n, BLOCK)
    }
    settings = circuit.values() | {"seed": options["seed"], "device": device}
    settings |= {"flags": devices.STRICT_FLAGS}
    with alone(out) as programs:
        click.echo(f"Building the program, {BLOCK} circuits ({device})")
        program = devices.build(
            lambda: learning_circuit(circuit, ONSETS, BLOCK), device, programs / "circuit"
        )
        bench = Bench(program, circuit, time_limit(options), options["seed"])
        results, logs = run(
            run_block,
            tasks,
            out / "tasks",
            settings=settings,
            shared=(bench,),
            **workers(options),
        )
        data = assemble(tasks, results, sets, cvs, n)
        summary, rows = summarise(data)
        summary |= {"n_failed_tasks": len(logs), "wall_s": time.perf_counter() - begin}
        summary["provenance"] = provenance(options | circuit.values() | {"sets": SETS})
        save(out, summary, data, figure(data))
    show(rows, f"{n} circuits; current before pulses against the reference, SD")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
    report(logs, out / "tasks")


if __name__ == "__main__":
    main()
