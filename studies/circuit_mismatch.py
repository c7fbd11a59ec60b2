"""Learning circuits that are not alike: experiment 1 of the paper's section IV, a thousand times.

The comparators hold each membrane at the reference by means of the counter, which starts at 8 and
would end at 0 if the neuron's own input were exact. With mismatch it must end where it makes up for
the difference. How far does it go, does it come to rest, and how well does it hold the current?
"""

import time
from dataclasses import dataclass

import click
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from brian2 import Quantity, second
from matplotlib.figure import Figure

from ebn_brian import devices, mismatch
from ebn_brian.dpi_model import Circuit, experiment_1
from ebn_brian.dpi_network import SAMPLED, learning_circuit, sampled

from .circuit import END, ONSETS
from .common import check_before_start, provenance, save, share, show, study_options
from .engine import Arrays, alone, collect, engine_options, report, run, time_limit, workers

CVS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
#: Parameters of `Circuit` that have mismatch together.
PARAMETERS = {
    "neuron": ("tau", "I_th", "gain_n", "I_dc"),
    "synapse": ("I_lsb", "tau_e", "gain_e", "tau_i", "gain_i", "I_th_i"),
    "comparator": ("I_ref",),
}
SETS = {"all": tuple(name for names in PARAMETERS.values() for name in names), **PARAMETERS}
COLORS = dict(zip(SETS, ("#333333", "#c8553d", "#1f6f8b", "#e3a857"), strict=True))
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


@dataclass(frozen=True)
class Bench:
    """A program for a block of circuits; circuits go by number and `seed`."""

    program: devices.StandaloneProgram | devices.RuntimeProgram
    circuit: Circuit
    timeout: Quantity | None
    seed: int


def values_of(bench: Bench, which: str, cv: float, first: int) -> dict[str, np.ndarray]:
    """Parameters of a block of circuits by name, base units, (BLOCK,) each."""
    nominal, numbers = bench.circuit.values(), range(first, first + BLOCK)
    return {
        name: nominal[name]
        * mismatch.sample(cv if name in SETS[which] else 0.0, 1, numbers, bench.seed, name)[:, 0]
        for name in SETS["all"]
    }


def run_block(bench: Bench, which: str, cv: float, first: int) -> dict[str, np.ndarray]:
    """`MEASURES` of a block of circuits, (BLOCK,) each."""
    values = values_of(bench, which, cv, first)
    result = bench.program.run(
        {f"neurons.{name}": value for name, value in values.items()},
        duration=(END + 1e-6) * second,
        read=list(SAMPLED.values()),
        timeout=bench.timeout,
    )
    samples = sampled(result, BLOCK)
    before = np.searchsorted(samples["t"], ONSETS[-LAST:]) - 1
    counter = samples["code"][before]
    I_before = samples["I_mem"][before].mean(axis=0)
    c = bench.circuit
    rest = np.maximum(values["gain_n"] * values["I_dc"] / values["I_th"] - 1, 0) ** (1 / c.slope)
    return {
        "final_weight": samples["code"][-1],
        "settled": np.ptp(counter, axis=0) <= 1,
        "held": np.abs(I_before - values["I_ref"]) <= float(c.I_SL),
        "I_before": I_before,
        "I_rest": values["I_th"] * rest,
        "I_ref": values["I_ref"],
    }


def summarise(data: xr.Dataset) -> tuple[dict, dict]:
    """Flat numbers, ``MEASURE_SET_CV``, and rows for the terminal."""
    summary: dict = {}
    rows: dict = {}
    shares = {name: share(data[name], "circuit") for name in ("settled", "held")}
    for which in data["set"].values:
        for cv in data["cv"].values:
            at = data.sel(set=which, cv=cv).dropna("circuit")
            if not at.sizes["circuit"]:
                continue
            w, place = at["final_weight"], {"set": which, "cv": cv}
            row: dict = {name: float(shares[name][0].sel(place)) for name in shares}
            row |= {"weight median": float(w.median()), "weight SD": float(w.std())}
            row |= {f"weight {q} %": float(w.quantile(q / 100)) for q in (5, 95)}
            error = (at["I_before"] / at["I_ref"] - 1) * 100
            unlearned = (at["I_rest"] / at["I_ref"] - 1) * 100
            row |= {"off by %": float(error.std()), "unlearned %": float(unlearned.std())}
            row["circuits"] = at.sizes["circuit"]
            point = f"{which}_{cv:g}"
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
            if cv or which == data["set"].values[0]:
                rows[f"{which if cv else 'none'} {100 * cv:g} %"] = row
    return summary, rows


def figure(data: xr.Dataset) -> Figure:
    """Final weights, shares of circuits, and how well the current is held, against CV."""
    with sns.axes_style("ticks"), plt.rc_context({"font.size": 9}):
        fig, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    cvs = 100 * data["cv"].values
    first = str(data["set"].values[0])
    weights = data["final_weight"].sel(set=first).to_dataframe().reset_index().dropna()
    weights["cv"] = (100 * weights["cv"]).map("{:g}".format)
    style = {
        "cut": 0,
        "bw_adjust": 0.4,
        "density_norm": "width",
        "linewidth": 0.6,
        "inner": "quart",
    }
    sns.violinplot(weights, x="cv", y="final_weight", color="#8fbccb", ax=left, **style)
    rail = 2 ** (experiment_1().n_bits - 1) - 1
    for limit in (-rail, rail):
        left.axhline(limit, color="0.6", lw=0.7, ls="--")
    left.set(ylabel="final weight (LSB; dashed: rails)")
    left.set_title(f"mismatch of: {first}", loc="left")
    for which in data["set"].values:
        color = COLORS[str(which)]
        at = data.sel(set=which)
        settled, low, high = share(at["settled"], "circuit")
        middle.errorbar(
            cvs, settled, [settled - low, high - settled], color=color, marker="o", ms=4
        )
        middle.plot(
            cvs, share(at["held"], "circuit")[0], color=color, ls=":", marker="o", ms=4, mfc="w"
        )
        for name, marks in (("I_before", "o-"), ("I_rest", "o:")):
            off = (100 * (at[name] / at["I_ref"] - 1)).std("circuit")
            right.plot(cvs, off, marks, color=color, ms=4, mfc=color if marks == "o-" else "w")
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


@click.command(help=__doc__)
@click.option("--circuits", default=1000, show_default=True, type=click.IntRange(2))
@click.option(
    "--cv",
    "cvs",
    multiple=True,
    type=click.FloatRange(0, 2),
    help=f"Repeatable  [default: {', '.join(f'{cv:g}' for cv in CVS)}]",
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    type=click.Choice(list(SETS)),
    help="Parts with mismatch; repeatable  [default: every set]",
)
@engine_options
@study_options("circuit_mismatch")
def main(**options) -> None:
    begin = time.perf_counter()
    out, device = options["out"], options["device"]
    n = min(options["circuits"], 100) if options["quick"] else options["circuits"]
    cvs = sorted(set(options["cvs"] or ((0.0, 0.2) if options["quick"] else CVS)))
    sets = [s for s in SETS if s in (options["sets"] or SETS)]
    check_before_start(out, device)
    circuit = experiment_1()
    # without mismatch there is one circuit, and all sets are the same
    tasks = {
        f"{which}-{cv:g}-{first}": (which, cv, first)
        for cv in cvs
        for which in (sets if cv else sets[:1])
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


def assemble(tasks, results: dict[str, Arrays], sets, cvs, n: int) -> xr.Dataset:
    """All circuits, labelled."""
    parts, where = {}, {}
    for name, arrays in results.items():
        which, cv, first = tasks[name]
        chosen = list(range(first, min(first + BLOCK, n)))
        parts[name] = {m: values[: len(chosen)].astype(float) for m, values in arrays.items()}
        where[name] = {"set": which if cv else sets, "cv": cv, "circuit": chosen}
    dims = ("set", "cv", "circuit")
    variables = {
        name: (dims, {"units": unit, "long_name": meaning})
        for name, (unit, meaning) in MEASURES.items()
    }
    coords = {"set": sets, "cv": cvs, "circuit": range(n)}
    return collect(parts, where, coords, variables, ("circuit",))


if __name__ == "__main__":
    main()
