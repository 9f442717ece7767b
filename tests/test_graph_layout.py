"""The layered layout: its parts against definitions that are slow and plain."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adcli.report.graph.channel import Net, NoWay, tracks
from adcli.report.graph.layout import LONGEST, Link, Wishes, arrange
from adcli.report.graph.ordering import Segment, crossings
from adcli.report.graph.spacing import isotonic

NUMBERS = st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 4)), min_size=1, max_size=9)


@given(NUMBERS)
def test_isotonic_regression_by_its_formula(pairs: list[tuple[int, int]]) -> None:
    """max over i ≤ k of min over j ≥ k of the weighted mean of i … j."""
    wanted, weights = [float(v) for v, _ in pairs], [float(w) for _, w in pairs]

    def mean(i: int, j: int) -> float:
        return sum(v * w for v, w in zip(wanted[i : j + 1], weights[i : j + 1], strict=True)) / sum(weights[i : j + 1])

    n = len(pairs)
    expected = [max(min(mean(i, j) for j in range(k, n)) for i in range(k + 1)) for k in range(n)]
    assert isotonic(wanted, weights) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_crossings_one_by_one(pairs: list[tuple[int, int]]) -> None:
    segments = [Segment(a, 7 + b) for a, b in pairs]
    place = [float(k) for k in range(7)] * 2
    expected = sum((a - c) * (b - d) < 0 for k, (a, b) in enumerate(pairs) for c, d in pairs[:k])
    assert crossings([segments], place) == expected


def graph(seed: int, count: int, many: int) -> list[Link]:
    chance = random.Random(seed)
    pairs = {tuple(sorted(chance.sample(range(count), 2))) for _ in range(many)}
    return [Link(a, b) for a, b in sorted(pairs)]


@given(st.integers(0, 10**6), st.integers(2, 25), st.integers(0, 40))
@settings(deadline=None, max_examples=60)
def test_a_layout_keeps_its_promises(seed: int, count: int, many: int) -> None:
    links = graph(seed, count, many)
    breadths = [float(10 + k % 3 * 7) for k in range(count)]
    found = arrange(Wishes(breadths, 5.0, 2.0), links)
    assert sorted(v for layer in found.layers for v in layer) == list(range(len(found.layer)))
    for link, way in zip(links, found.ways, strict=True):
        assert way is not None
        chain = [found.layer[v] for v in (link.source, *way, link.target)]
        assert chain == list(range(chain[0], chain[0] + len(chain)))
    wide = [*breadths, *[2.0] * (len(found.layer) - count)]
    for layer in found.layers:
        for a, b in pairwise(layer):
            assert found.places[b] - found.places[a] >= (wide[a] + wide[b]) / 2 + 5 - 1e-6
    assert min(p - b / 2 for p, b in zip(found.places, wide, strict=True)) == pytest.approx(0, abs=1e-9)


def test_links_over_very_many_layers_have_no_way() -> None:
    chain = [Link(k, k + 1) for k in range(LONGEST + 5)]
    found = arrange(Wishes([1.0] * (LONGEST + 6), 1.0), [*chain, Link(0, LONGEST + 5), Link(0, 9)])
    assert found.ways[-2] is None
    assert len(found.ways[-1] or ()) == 8


def test_a_path_is_straight() -> None:
    found = arrange(Wishes([10.0, 30.0, 20.0, 10.0], 5.0), [Link(0, 1), Link(1, 2), Link(2, 3)])
    assert len({round(p, 6) for p in found.places}) == 1


def test_a_crossing_that_can_be_avoided_is() -> None:
    found = arrange(Wishes([10.0] * 4, 5.0), [Link(0, 3), Link(1, 2)])
    a, b = found.layers
    assert [v for v in a if v < 2] == [{3: 0, 2: 1}[v] for v in b]


@given(st.permutations(range(8)), st.permutations(range(8)), st.integers(0, 10**6))
def test_nets_that_share_a_track_do_not_touch(above: list[int], below: list[int], seed: int) -> None:
    chance = random.Random(seed)
    nets: list[Net] = []
    rest = list(below)
    for column in above[: chance.randint(1, 5)]:
        nets.append(Net(column, [rest.pop() for _ in range(min(chance.randint(1, 2), len(rest)))]))
    nets = [n for n in nets if n.below]
    try:
        found = tracks(nets)
    except NoWay:
        return
    for k, (a, at) in enumerate(zip(nets, found, strict=True)):
        assert (at < 0) == (a.below == [a.above])
        for b, other in list(zip(nets, found, strict=True))[:k]:
            if at == other >= 0:
                assert a.span[1] < b.span[0] or b.span[1] < a.span[0]
            for upper, lower, high, low in ((a, b, at, other), (b, a, other, at)):
                if upper.above in lower.below and high >= 0 and low >= 0:
                    assert high < low
    assert max(found, default=0) < 8


def test_nets_that_wait_for_one_another_have_no_way() -> None:
    with pytest.raises(NoWay):
        tracks([Net(1, [5]), Net(5, [1])])
