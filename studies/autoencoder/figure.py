"""The figure of the auto-encoder."""

import matplotlib.pyplot as plt
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure

from ..lab.tracking.figure import Example, arms, descent, matched, plane, raster, signals
from ..lab.tracking.task import TAU, off_diagonal


def figure(data: xr.Dataset, example: Example) -> Figure:
    """Signals and spikes; weights beside what they should be; training; unlike chips."""
    sns.set_theme(context="paper", style="ticks")
    fig = plt.figure(figsize=(11, 8), layout="constrained")
    grid = fig.add_gridspec(3, 4, height_ratios=(1, 1, 1.2))
    signals(fig.add_subplot(grid[0, :2]), example)
    raster(fig.add_subplot(grid[0, 2]), example.on, "spikes, with recurrence")
    raster(fig.add_subplot(grid[0, 3]), example.off, "spikes, without")
    own = example.weights
    assert own.W_f is not None
    U = own.U * float(TAU)
    matched(fig.add_subplot(grid[1, 0]), own.O.T / float(TAU), U, "readout $O^T/\\tau$", "$U\\tau$")
    products = -off_diagonal(own.U @ own.O)
    fast = fig.add_subplot(grid[1, 1])
    matched(fast, products, off_diagonal(own.W_f), "$-UO$", "fast weights $W_f$")
    note = "one line a seed; dashed: least cost of the analytic family"
    descent(fig.add_subplot(grid[1, 2:]), data, {"cost_analytic": "--"}, note)
    labels = {
        "spikes": "spikes a neuron in 1.2 s",
        "rel_rmse": "error, trained readout",
        "rel_rmse_refit": "error, refitted readout",
    }
    for k, (name, label) in enumerate(labels.items()):
        arms(fig.add_subplot(grid[2, k]), data, name, label)
    plane(fig.add_subplot(grid[2, 3]), data)
    return fig
