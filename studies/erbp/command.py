"""Do layers of spiking neurons learn to classify by random feedback, and does it bear mismatch?

Hidden neurons get the spikes of error neurons through fixed random weights; a synapse compares its
neuron's potential with two bounds and adds. Arms with weights of few bits, with devices that
differ, with a hidden layer that does not learn, and without spikes are compared on images that no
choice has seen. With --validate those stay unseen, and validation images stand for them.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..lab.cli import check_before_start, repeatable, study_options
from ..lab.engine import alone, engine_options, report, run, time_limit, workers
from ..lab.results import provenance, save, show
from .arms import ARMS, QUANTISED, Lab, layer_rules, run_arm
from .bench import Bench, build_bench
from .data import Task, divide, open_images
from .figure import figure
from .numbers import assemble, summarise

CVS = (0.1, 0.2, 0.4)
BITS = (3, 4, 5, 6, 8)
QUICK = {"arms": ("float", "mismatch", "logistic"), "cvs": (0.2,), "bits": (4,)}
#: Bits of weights without a counter that is finer.
COARSE_BITS = 8
FILE = click.Path(exists=True, path_type=Path)


def build(
    task: Task, sizes: tuple[int, ...], arms: tuple[str, ...], n_chips: int, **where: Any
) -> dict[str, Bench]:
    """Programs of all `arms`, by kind; that of devices with mismatch has `n_chips`."""
    benches = {}
    directory, n_images = where.pop("directory"), len(task.training)
    for kind in dict.fromkeys(("float", "probe", *filter(None, (ARMS[arm] for arm in arms)))):
        deep = (*sizes[:2], *sizes[1:]) if kind == "deep" else sizes
        click.echo(f"Building the program '{kind}', {'-'.join(map(str, deep))}")
        quantised = (COARSE_BITS, QUANTISED[kind]) if kind in QUANTISED else ()
        benches[kind] = build_bench(
            deep,
            layer_rules(len(deep) - 2, *quantised),
            n_images=n_images,
            n_chips=n_chips if kind == "mismatch" else 1,
            probe=kind == "probe",
            directory=directory / kind,
            **where,
        )
    return benches


def open_task(options: Mapping[str, Any]) -> Task:
    """Images by the command line; click.UsageError if files are not sound."""
    if options["idx"] and options["images"]:
        raise click.UsageError("--idx and --images cannot go together")
    limit = options["limit"] or (200 if options["quick"] else None)
    try:
        opened = open_images(options["idx"], options["images"])
        return divide(*opened, options["validate"], limit)
    except ImportError:
        raise click.UsageError("needs scikit-learn: pip install 'ebn_brian[erbp]'") from None
    except (ValueError, RuntimeError) as error:
        raise click.UsageError(str(error)) from error


@click.command(help=__doc__)
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--hidden", default=100, show_default=True, type=click.IntRange(1))
@click.option("--epochs", default=30, show_default=True, type=click.IntRange(1))
@repeatable("--arm", "arms", click.Choice(list(ARMS)), "Arm besides float", "all")
@repeatable("--cv", "cvs", click.FloatRange(0, 1, min_open=True), "Mismatch", "0.1, 0.2, 0.4")
@repeatable("--bits", "bits", click.IntRange(2, 16), "Bits of weights", "3, 4, 5, 6, 8")
@click.option("--idx", type=FILE, help="Folder of IDX files, as those of MNIST.")
@click.option("--images", type=FILE, help="Images and labels of your own, in a .npz.")
@click.option("--limit", type=click.IntRange(20), help="Most images to learn and to test.")
@click.option("--validate", is_flag=True, help="Judge on validation images, for choices.")
@engine_options
@study_options("erbp")
def main(**options) -> None:
    begin = time.perf_counter()
    out, device, quick = options["out"], options["device"], options["quick"]
    check_before_start(out, device)
    task = open_task(options)
    n_seeds, epochs = (
        (1, min(options["epochs"], 2)) if quick else (options["seeds"], options["epochs"])
    )
    cvs = sorted(set(options["cvs"] or (QUICK["cvs"] if quick else CVS)))
    bits = sorted(set(options["bits"] or (QUICK["bits"] if quick else BITS)))
    chosen = options["arms"] or (QUICK["arms"] if quick else tuple(ARMS))
    arms = tuple(arm for arm in ARMS if arm in ("float", *chosen))
    sizes = (task.training.pixels.shape[1] + 1, options["hidden"], task.training.n_classes)
    points = [
        (arm, b) for arm in arms for b in {"dac": bits, "coarse": [COARSE_BITS]}.get(arm, [0])
    ]
    seeds = range(options["seed"], options["seed"] + n_seeds)
    tasks = {f"{arm}{b or ''}-{s}": (arm, b, s) for arm, b in points for s in seeds}
    settings: dict[str, Any] = {"images": task.checksum(), "sizes": sizes, "epochs": epochs}
    settings |= {"cvs": cvs, "bits": bits, "device": device}
    with alone(out) as programs:
        where = {"device": device, "directory": programs, "timeout": time_limit(options)}
        benches = build(task, sizes, arms, 1 + len(cvs), **where)
        lab = Lab(benches, task, epochs, (0.0, *cvs), tuple(bits))
        results, logs = run(
            run_arm, tasks, out / "tasks", settings=settings, shared=(lab,), **workers(options)
        )
        data = assemble(results, lab, points, seeds)
        summary, rows = summarise(data)
        summary |= {"n_failed_tasks": len(logs), "wall_s": time.perf_counter() - begin}
        summary["provenance"] = provenance(options)
        example = next((results[f"float-{s}"] for s in seeds if f"float-{s}" in results), None)
        if example is not None:
            save(out, summary, data, figure(data, example, task))
    where_judged = "validation" if options["validate"] else "test"
    show(rows, f"Accuracy on {len(task.test)} {where_judged} images, {n_seeds} seeds")
    click.echo(f"{summary['wall_s']:.0f} s; figure, numbers and data: {out}/")
    report(logs, out / "tasks")
