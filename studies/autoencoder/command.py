"""Does gradient descent through spikes find the balanced code?

Networks of 30 non-leaky neurons are trained from random weights to give two signals back, by exact
gradients through their spikes (Huh and Sejnowski 2018, Figure 2). Do they find the balanced code,
W_f = -U O with U like O^T? Then they run as spiking chips in Brian2: alike, unlike, and unlike with
fast weights that go on to learn by the discrete rule.
"""

from pathlib import Path
from typing import Any

import click

from ..lab.tracking.recipe import Phase
from ..lab.tracking.run import Study, run, tracking_options
from ..lab.tracking.task import Task
from .figure import figure
from .numbers import describe

#: Signals of three harmonics, and the price of activity.
TASK = Task(harmonics=3, activity=1000.0)
PRETRAINED = Path(__file__).parent / "pretrained"
#: Of the rule's comparators: trained weights on ideal chips are about its fixed point.
KAPPA = 3.0
#: The scale of U is held until W_f has caught up, then released.
STUDY = Study(
    TASK,
    phases=(Phase(140, 0.004), Phase(50, 0.001), Phase(50, 0.0007, 0.03)),
    trials=128,
    quick_phases=(Phase(4, 0.004), Phase(2, 0.001), Phase(2, 0.0007, 0.03)),
    quick_trials=8,
    kappa=KAPPA,
    describe=describe,
    figure=figure,
    pretrained=PRETRAINED,
)


@click.command(help=__doc__)
@tracking_options("autoencoder")
def main(**options: Any) -> None:
    run(STUDY, options)
