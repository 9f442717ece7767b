"""How fast a program is: seconds to compile it, for a value and for a gradient, and what its tape takes, engine by engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.api.derivatives import Setting
from adcli.api.engine import available
from adcli.api.program import Program
from adcli.api.variant import Variant
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api.engine import Runner
    from adcli.api.variant import What

# What one engine's time goes to, in shares: compiling, values, gradients.
SHARES = 3


class Measured(NamedTuple):
    """One engine. Compiling: to lower, differentiate and compile the gradient; the gradient includes the value; ratio: of the two;
    tape: at its fullest, 8 bytes a number."""

    compile_seconds: float
    value_seconds: float
    gradient_seconds: float
    ratio: float
    tape_bytes: int


def engines_here() -> tuple[str, ...]:
    """The engines that can run on this machine, the fastest first."""
    return ("native", "interpret") if available() else ("interpret",)


def bench(
    program: Program, at: Mapping[str, Any], *, engines: Sequence[str] | None = None, wrt: Sequence[str] | None = None,
    of: str | None = None, seconds: float = 1.0, tick: Callable[[], object] = lambda: None,
) -> dict[str, Measured]:  # fmt: skip
    """Measure value and gradient of a scalar output at a point, by calls in memory, repeated for `seconds` in all; medians.

    tick: called now and then meanwhile.
    Raises what a gradient there raises, and UsageError where there is nothing to differentiate by.
    """
    chosen = tuple(engines or engines_here())
    for name in chosen:
        if name not in ("interpret", "native"):
            raise UsageError(f"'{name}' is no engine that can be measured", help="--engine native,interpret")
    share = seconds / len(chosen) / SHARES
    return {name: _measured(program.using(name), at, wrt, of, share, tick) for name in dict.fromkeys(chosen)}


def _measured(
    program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None, share: float, tick: Callable[[], object]
) -> Measured:
    setting = Setting(program, at)
    output = setting.scalar_output(of, "a benchmark")
    inputs = setting.wrt(wrt)
    if not inputs:
        raise UsageError("the program has no real input, and so no gradient to measure", help='for instance adcli bench "x^2" --at x=3')
    variant = setting.variant
    value: What = ("value", (), output, ())
    gradient: What = ("reverse", inputs, output, ())
    args, seeded = setting.args, [*setting.args, 1.0]
    variant.run(args, *value[:3])
    variant.run(seeded, *gradient[:3])  # now the tape is one that fits in memory
    (compiling,) = medians([lambda: _compiled(variant, gradient)], share, tick)
    runners = variant.runner(value), variant.runner(gradient)
    forth, back = medians([lambda: runners[0].run(args), lambda: runners[1].run(seeded)], 2 * share, tick)
    return Measured(compiling, forth, back, back / forth, _tape(runners[1], seeded))


def _compiled(variant: Variant, what: What) -> Runner:
    """From the syntax tree to what runs, anew."""
    fresh = Variant(variant.program, variant.types, variant.order)
    fresh.choice = variant.choice
    return fresh.runner(what)


def _tape(runner: Runner, args: Sequence[Any]) -> int:
    """Native code knows; the interpreter counts in a run of its own."""
    if runner.name == "native":
        size: int = runner.engine.tape_peak(args)  # type: ignore[attr-defined]
        return size
    from adcli.engines.count import tape_peak

    return tape_peak(runner.function, args, runner.tiers.limits)


def medians(calls: Sequence[Callable[[], object]], seconds: float, tick: Callable[[], object] = lambda: None) -> list[float]:
    """The median time of each call, in turn, so that a busy machine disturbs all alike; what is slow runs three times at least.

    tick: called after each.
    """
    batches = [_batch(call, min(seconds / 20, 0.01)) for call in calls]
    times = [[_timed(call, batch)] for call, batch in zip(calls, batches, strict=True)]
    end = perf_counter() + seconds
    while perf_counter() < end:
        for call, batch, found in zip(calls, batches, times, strict=True):
            found.append(_timed(call, batch))
            tick()
    return [sorted(found)[len(found) // 2] for found in times]


def _batch(call: Callable[[], object], least: float) -> int:
    """How many calls take long enough for the clock. The first one is not counted: it finds caches cold."""
    call()
    batch = 1
    while _timed(call, batch) * batch < least:
        batch *= 4
    return batch


def _timed(call: Callable[[], object], batch: int) -> float:
    start = perf_counter()
    for _ in range(batch):
        call()
    return (perf_counter() - start) / batch
