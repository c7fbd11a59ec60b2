"""The figure of the auto-encoder."""

import xarray as xr
from matplotlib.figure import Figure

from ..lab.tracking.figure import Example, descent, matched, outer_rows
from ..lab.tracking.task import TAU, off_diagonal


def figure(data: xr.Dataset, example: Example) -> Figure:
    """Signals and spikes; weights beside what they should be; training; unlike chips."""
    fig, grid = outer_rows(data, example)
    own = example.weights
    assert own.W_f is not None
    U = own.U * float(TAU)
    matched(fig.add_subplot(grid[1, 0]), own.O.T / float(TAU), U, "readout $O^T/\\tau$", "$U\\tau$")
    products = -off_diagonal(own.U @ own.O)
    fast = fig.add_subplot(grid[1, 1])
    matched(fast, products, off_diagonal(own.W_f), "$-UO$", "fast weights $W_f$")
    note = "one line a seed; dashed: least cost of the analytic family"
    descent(fig.add_subplot(grid[1, 2:]), data, {"cost_analytic": "--"}, note)
    return fig
