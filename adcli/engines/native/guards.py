"""Where a run may end before its function does: tests with a way out, calls that failed, steps and fuel.

    br ok, go on, leave        leave: note the site and what the test looked at, then return the status 1

The way out is one block of the function, `%fail`, which whoever writes the function's end writes (see `function`).
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import scalars, state
from adcli.engines.native.code import LIKELY, Code
from adcli.engines.native.sites import Site

if TYPE_CHECKING:
    from adcli.engines.native.module import Module
    from adcli.errors import Span


class Guards:
    """span: of the statement at hand; failed: whether there is a way to `%fail`."""

    def __init__(self, module: Module, c: Code) -> None:
        self.module = module
        self.c = c
        self.span: Span | None = None
        self.failed = False

    def require(self, ok: str, kind: str, values: Sequence[str], span: Span | None) -> None:
        """Go on if `ok`, else leave with a failure of that kind and the integers it looked at."""
        self.hold(ok, Site(kind, span, ("int",) * len(values)), values)

    def hold(self, ok: str, site: Site, values: Sequence[str]) -> None:
        """Go on if `ok`, else leave with a failure at that site and the values it looked at."""
        if ok in ("1", "true"):
            return
        c = self.c
        good, bad = c.new_label("ok"), c.new_label("bad")
        c.branch(ok, good, bad)
        c.lines[-1] += f", {LIKELY}"
        c.label(bad)
        self.leave(site, values)
        c.label(good)

    def leave(self, site: Site, values: Sequence[str] = ()) -> None:
        c = self.c
        c.store_state(state.SITE, str(self.module.site(site)))
        for k, (v, e) in enumerate(zip(values[: state.MOST_VALUES], site.elems, strict=False)):
            bits = c.op(f"bitcast double {v} to i64") if e == "real" else scalars.coerced(c, v, e, "int")
            c.store_state(state.VALUES + k, bits)
        c.go("%fail")
        self.failed = True

    def must_succeed(self, status: str) -> None:
        """Leave where a call failed; it said why."""
        c = self.c
        good = c.new_label("ok")
        c.branch(c.op(f"icmp eq i32 {status}, 0"), good, "%fail")
        c.lines[-1] += f", {LIKELY}"
        c.label(good)
        self.failed = True

    def step(self, n: str) -> None:
        """Count n steps of the primal program."""
        c = self.c
        left = c.op(f"sub i64 {c.load_state(state.LEFT)}, {n}")
        self.require(c.op(f"icmp sge i64 {left}, 0"), "steps", (), self.span)
        c.store_state(state.LEFT, left)

    def poll(self, cost: str, span: Span | None) -> None:
        """Use fuel; where it is spent, Python looks at the clock and at signals."""
        c = self.c
        left = c.op(f"sub i64 {c.load_state(state.FUEL)}, {cost}")
        c.store_state(state.FUEL, left)
        look, on = c.new_label("look"), c.new_label("on")
        c.branch(c.op(f"icmp slt i64 {left}, 0"), look, on, unlikely=True)
        c.label(look)
        c.declare("adcli_poll", "declare i32 @adcli_poll(ptr)")
        status = c.op("call i32 @adcli_poll(ptr %ctx)")
        good = c.op(f"icmp ne i32 {status}, 0")
        bad = c.new_label("bad")
        c.branch(good, on, bad)
        c.label(bad)
        self.leave(Site("raised", span))
        c.label(on)
