"""From transistors to the spread of a parameter.

The current of a mirror in weak inversion goes with ``exp(kappa*V_T/U_T)``, so that a difference of
thresholds multiplies it: the logarithm of the ratio has the standard deviation

    s = sqrt(pairs*((g_m/I_D * A_VT)**2 + A_beta**2)/(W*L)),    g_m/I_D = kappa/U_T at most,

and the ratio, lognormal, the CV ``sqrt(exp(s**2) - 1)``. Sources: Pelgrom, Duinmaijer and Welbers
1989 (IEEE J. Solid-State Circuits 24(5)) for ``A/sqrt(W*L)``; Kinget 2005 (IEEE J. Solid-State
Circuits 40(6)) for ``g_m/I_D``. A_VT as published is that of the difference of a pair.
"""

from dataclasses import dataclass, replace

import numpy as np
from brian2 import Quantity
from scipy import stats

from ebn_brian.chips import V_UNIT
from ebn_brian.mismatch import Spread, area_law


@dataclass(frozen=True)
class Parameter:
    """How a parameter of the chips is spread."""

    name: str
    cv: float
    """Of each device; of an offset the standard deviation, in units of ``|D|**2``."""
    chip: float = 0.0
    """The same from chip to chip."""
    distribution: str = "lognormal"
    area: float = 0.0
    """Of the devices of one element, square metres; 0 where the file does not tell."""

    def scaled(self, area: float) -> "Parameter":
        """With devices of `area` times their area: ``s**2`` goes with its inverse."""
        cv = float(np.sqrt(np.expm1(np.log1p(self.cv**2) / area)))
        return replace(self, cv=cv, area=self.area * area)

    def spread(self) -> Spread:
        """For `mismatch.spread`."""
        if self.name == "offset":
            return Spread(local=self.cv, chip=self.chip, unit=V_UNIT)
        if self.distribution == "lognormal" or self.cv < 1e-9:
            return Spread(local=self.cv, chip=self.chip)
        if self.distribution == "gamma":
            return Spread(local=stats.gamma(self.cv**-2, scale=self.cv**2), chip=self.chip)
        return Spread(local=stats.norm(1, self.cv), chip=self.chip, low=0.01)


def cv_of_mirror(
    A_VT: Quantity, A_beta: Quantity, gm_over_id: Quantity, W: Quantity, L: Quantity, pairs: int
) -> float:
    """CV of a current that `pairs` of matched transistors hand on, one after the other."""
    relative = float(gm_over_id * area_law(A_VT, W, L))
    beta = float(area_law(A_beta, W, L)) if float(A_beta) else 0.0
    return float(np.sqrt(np.expm1(pairs * (relative**2 + beta**2))))
