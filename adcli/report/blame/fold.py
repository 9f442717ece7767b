"""Long ways made short: repetitions of the same operations become one line.

    a b c  b c  b c  d        →        a   (b c) × 3   d

Laps of a loop and the calls of a recursion repeat the same statements, nested ones within each other; laps that differ (a branch taken
now and then) do not fold, and long ways are cut in the middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from adcli.report.blame.birth import Hop
from adcli.report.trace import Trace

# A lap of more lines is not looked for.
LONGEST_LAP = 64
# Lines of a way that need no shortening.
FEW = 12


@dataclass(slots=True)
class Fold:
    """Repetitions of one lap; hops: all of them, in order. mixed: not all laps go the same way; `lap` is the first."""

    lap: list[Item]
    times: int
    hops: list[Hop]
    mixed: bool = False


@dataclass(slots=True)
class Gap:
    """What is left out in the middle of a way."""

    hops: list[Hop]


Item: TypeAlias = Hop | Fold | Gap


def folded(trace: Trace, hops: list[Hop]) -> list[Item]:
    """The way with its repetitions folded, inner ones first; where that leaves much, each loop as one."""
    items = _strictly(trace, list(hops))
    return items if len(items) <= FEW else _strictly(trace, _by_loop(trace, hops))


def _strictly(trace: Trace, items: list[Item]) -> list[Item]:
    while True:
        shorter = _fold_once(trace, items)
        if len(shorter) == len(items):
            return items
        items = shorter


def _by_loop(trace: Trace, hops: list[Hop]) -> list[Item]:
    """The passages through outermost loops folded, whichever way each iteration went."""
    out: list[Item] = []
    laps: list[list[Hop]] = []
    at: int | None = None
    for hop in hops:
        iteration = trace.recording.iterations[hop.node]
        now = iteration[0] if iteration else None
        if now is not None and now == at:
            laps[-1].append(hop)
            continue
        if at is None or now is None or abs(now - at) != 1:
            out += _joined(trace, laps)
            laps = []
        if now is None:
            out.append(hop)
        else:
            laps.append([hop])
        at = now
    return [*out, *_joined(trace, laps)]


def _joined(trace: Trace, laps: list[list[Hop]]) -> list[Item]:
    """The laps of one loop as one item, where there are several."""
    hops = [hop for lap in laps for hop in lap]
    return [Fold(_strictly(trace, list(laps[0])), len(laps), hops, mixed=True)] if len(laps) > 2 else list(hops)


def hops_of(item: Item) -> list[Hop]:
    return [item] if isinstance(item, Hop) else item.hops


def cut(items: list[Item], rows: int | None) -> list[Item]:
    """The two ends of a way that is longer, and a gap between them."""
    if rows is None or len(items) <= rows:
        return items
    head = (rows - 1) // 2
    tail = rows - 1 - head
    middle = [hop for item in items[head : len(items) - tail] for hop in hops_of(item)]
    return [*items[:head], Gap(middle), *items[len(items) - tail :]]


def _kind(trace: Trace, item: Item) -> object:
    """Items that look the same: the same statement and argument, or laps of the same."""
    if isinstance(item, Fold):
        return ("fold", *(_kind(trace, x) for x in item.lap))
    if isinstance(item, Gap):
        return item
    return trace.recording.lets[item.node], item.position, item.is_value


def _fold_once(trace: Trace, items: list[Item]) -> list[Item]:
    """Fold the shortest laps that repeat."""
    numbers: dict[object, int] = {}
    kinds = [numbers.setdefault(_kind(trace, item), len(numbers)) for item in items]
    following = _following(kinds)
    out: list[Item] = []
    k = 0
    while k < len(items):
        period, times = _repetition(kinds, following, k)
        if times > 1:
            group = items[k : k + period * times]
            out.append(Fold(group[:period], times, [hop for item in group for hop in hops_of(item)]))
        else:
            out.append(items[k])
        k += period * times
    return out


def _following(kinds: list[int]) -> list[int]:
    """For each item where the next of its kind stands."""
    seen: dict[int, int] = {}
    out = [len(kinds)] * len(kinds)
    for k in range(len(kinds) - 1, -1, -1):
        out[k] = seen.get(kinds[k], len(kinds))
        seen[kinds[k]] = k
    return out


def _repetition(kinds: list[int], following: list[int], k: int) -> tuple[int, int]:
    """The period and the count of the repetition that begins at k: the first period that repeats at all; (1, 1) for none."""
    end = following[k]
    while end - k <= LONGEST_LAP and 2 * end - k <= len(kinds):
        period = end - k
        lap = kinds[k:end]
        times = 1
        while kinds[k + times * period : k + (times + 1) * period] == lap:
            times += 1
        if times > 1:
            return period, times
        end = following[end]
    return 1, 1
