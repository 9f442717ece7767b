"""The horizontal pieces of edges between two layers of a drawing in characters: which of them share a line.

A net comes down at one column, runs along its track, and goes on down at others. Two nets on one track must not touch, and where one ends
at the column at which another begins, the track of the latter is the upper one: channel routing by the left-edge method of Hashimoto and
Stevens, "Wire routing by optimizing channel assignment within large apertures", Design Automation Workshop 1971.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


class NoWay(Exception):
    """The edges cannot be drawn with one horizontal piece each."""


@dataclass(slots=True, eq=False)
class Net:
    """From column `above` to the columns `below`."""

    above: int
    below: list[int] = field(default_factory=list)

    @property
    def straight(self) -> bool:
        return self.below == [self.above]

    @property
    def span(self) -> tuple[int, int]:
        return min(self.above, *self.below), max(self.above, *self.below)


def tracks(nets: Sequence[Net]) -> list[int]:
    """The track of each net, from the top; -1 for those that need none. Raises NoWay where nets wait for one another."""
    found = [-1] * len(nets)
    ends = {c: k for k, net in enumerate(nets) for c in net.below}
    upper: list[list[int]] = [[] for _ in nets]
    missing = [0] * len(nets)
    for k, net in enumerate(nets):
        other = ends.get(net.above)
        if other is not None and other != k and not net.straight:
            upper[k].append(other)
            missing[other] += 1
    ready = sorted((k for k, n in enumerate(missing) if not n), key=lambda k: nets[k].span, reverse=True)
    least = [0] * len(nets)
    taken: list[list[tuple[int, int]]] = []
    done = 0
    while ready:
        k = ready.pop()
        done += 1
        if not nets[k].straight:
            found[k] = _first_free(taken, nets[k].span, least[k])
        for other in upper[k]:
            least[other] = max(least[other], found[k] + 1)
            missing[other] -= 1
            if not missing[other]:
                ready.append(other)
    if done < len(nets):
        raise NoWay
    return found


def _first_free(taken: list[list[tuple[int, int]]], span: tuple[int, int], least: int) -> int:
    """The uppermost track, from `least` on, where the span touches no other."""
    track = least
    while track < len(taken) and any(a <= span[1] and span[0] <= b for a, b in taken[track]):
        track += 1
    while len(taken) <= track:
        taken.append([])
    taken[track].append(span)
    return track
