"""The figure of predictive coding."""

import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ebn_brian.checks import Floats

from ..lab.palette import BLACK, BLUE, GREY
from ..lab.tracking.figure import Example, descent, matched, outer_rows
from ..lab.tracking.task import N_SIGNALS, off_diagonal


def figure(data: xr.Dataset, example: Example, A: Floats) -> Figure:
    """States and spikes; weights beside what they should be; training; unlike chips."""
    fig, grid = outer_rows(data, example)
    own = example.weights
    assert own.W_f is not None
    assert own.W is not None
    fast, slow = (off_diagonal(product) for product in (-own.U @ own.O, own.U @ A @ own.O))
    matched(fig.add_subplot(grid[1, 0]), fast, off_diagonal(own.W_f), "$-UO$", "fast weights $W_f$")
    matched(fig.add_subplot(grid[1, 1]), slow, off_diagonal(own.W), "$UAO$", "slow weights $W$")
    system(fig.add_subplot(grid[1, 2]), data, A)
    theory = {"cost_analytic": "--", "cost_analytic_inhibited": ":"}
    note = "one line a seed\ndashed: theory on the test\ndotted: with self-inhibition"
    descent(fig.add_subplot(grid[1, 3]), data, theory, note)
    return fig


def system(ax: Axes, data: xr.Dataset, A: Floats) -> None:
    """Entries of M in ``W = U M O``, one point a seed, beside those of A."""
    held = data.sel(when="held")
    for k, (i, j) in enumerate(np.ndindex(A.shape)):
        M = held[f"M_{i + 1}{j + 1}"].values
        ax.plot([k - 0.35, k + 0.35], [A[i, j]] * 2, color=BLACK, lw=1.5)
        ax.plot(k + np.linspace(-0.2, 0.2, len(M)), M, "o", ms=4, mew=0, color=BLUE)
    ax.axhline(0, color=GREY, lw=0.5)
    labels = [f"$M_{{{i + 1}{j + 1}}}$" for i, j in np.ndindex(A.shape)]
    ax.set_xticks(range(N_SIGNALS**2), labels)
    ax.set_title("$W = UMO$: points $M$, bars $A$")
    sns.despine(ax=ax)
