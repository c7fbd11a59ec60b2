"""The command of the study of the circuits' building blocks."""

import click

from ebn_brian.dpi_model import Circuit

from ..circuit.experiment import circuit_option
from ..lab.cli import check_before_start, study_options
from ..lab.results import provenance, save, show_numbers
from .figure import figure
from .network import Grid, simulate
from .numbers import dataset, measures


@click.command()
@circuit_option
@study_options("characterise")
def main(circuit: Circuit, **common) -> None:
    """What a designer checks first: the building blocks against theory, in one figure.

    f-I curve of the spiking neuron against quadrature; its step response and resting current
    against quadrature and closed form; the postsynaptic step against the width of the pulse;
    counters at their rails; the comparators' decision against current and counter. Every point is
    simulated by the equations of ebn_brian.equations.dpi with the circuit of --parameters.
    """
    out, device = common["out"], common["device"]
    check_before_start(out, device)
    grid = Grid.of(circuit, common["quick"])
    click.echo(f"Building the program, all blocks in one network ({device})")
    data = dataset(circuit, grid, simulate(circuit, grid, device))
    summary: dict[str, object] = {**measures(circuit, data)}
    summary["provenance"] = provenance({**common, **circuit.values()})
    save(out, summary, data, figure(data, circuit))
    show_numbers(summary, "simulation against theory")
    click.echo(f"figure, numbers and data: {out}/")
