"""What is simulated to answer a design's questions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .file import Design
from .measures import Variant

#: Chips of one task.
BLOCK = 25
#: What ``--quick`` leaves of the chips, and of each list of what is tried.
QUICK_CHIPS, QUICK_POINTS = 20, 3


@dataclass(frozen=True)
class Plan:
    """The design as it is, and what is varied of it."""

    given: Variant
    areas: tuple[float, ...]
    bits: tuple[int, ...]
    chips: int

    @property
    def block(self) -> int:
        """Chips of one task: equal parts."""
        return -(-self.chips // -(-self.chips // BLOCK))

    def kind(self, homeostatic: bool) -> Variant:
        """The design with or without homeostasis."""
        return self.given._replace(homeostatic=homeostatic)

    def at_area(self, area: float, homeostatic: bool) -> Variant:
        """All devices of other area."""
        return self.given._replace(area=area, homeostatic=homeostatic)

    def at_bits(self, bits: int) -> Variant:
        """Other counters."""
        return self.given._replace(bits=bits)

    def without(self, name: str) -> Variant:
        """A parameter without mismatch."""
        return self.given._replace(spread=tuple(n for n in self.given.spread if n != name))

    def alone(self, name: str) -> Variant:
        """Mismatch of this parameter alone."""
        return self.given._replace(spread=(name,))

    def variants(self) -> list[Variant]:
        """All of them, each once."""
        return list(dict.fromkeys(self._variants()))

    def _variants(self) -> Iterator[Variant]:
        for homeostatic in (True, False):
            yield self.kind(homeostatic)
            yield from (self.at_area(area, homeostatic) for area in self.areas)
        yield from map(self.at_bits, self.bits)
        yield from map(self.without, self.given.spread)
        yield from map(self.alone, self.given.spread)


def plan_of(design: Design, chips: int, quick: bool) -> Plan:
    """What `design` asks for; the design as it is belongs to what is tried."""
    homeostatic = design["training"]["procedure"] != "plain"
    given = Variant(homeostatic, 1.0, design["circuit"]["bits"], design.names)
    areas, bits = design["search"]["areas"], design["search"]["bits"]
    if quick:
        chips, areas, bits = min(chips, QUICK_CHIPS), thinned(areas), thinned(bits)
    areas, bits = sorted({*areas, given.area}), sorted({*bits, given.bits})
    return Plan(given, tuple(areas), tuple(bits), chips)


def thinned[T: (int, float)](values: Sequence[T]) -> tuple[T, ...]:
    """At most `QUICK_POINTS` of them, the ends among them."""
    values = sorted(values)
    if len(values) <= QUICK_POINTS:
        return tuple(values)
    last = len(values) - 1
    return tuple(values[round(k * last / (QUICK_POINTS - 1))] for k in range(QUICK_POINTS))
