"""`compile` and `Program`: a program, its values and its derivatives.

>>> import adcli
>>> f = adcli.compile("x1*x2 + sin(x1)")
>>> f.value(x1=2, x2=5)
10.909297426825681
>>> f.gradient(x1=2, x2=5)
{'x1': 4.583853163452858, 'x2': 2.0}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from adcli.api.engine import Choice, Tiers
from adcli.api.point import bind
from adcli.api.shelf import keep_signature, kept_signature, shelf
from adcli.api.tapes import choices, told
from adcli.api.variant import Variant
from adcli.engines.flags import Flag
from adcli.engines.limits import NESTED, Limits, frames
from adcli.errors import Source
from adcli.ir.signature import ORDER, Input, Signature

if TYPE_CHECKING:
    from adcli.api.bench import Measured
    from adcli.api.blame import Blame
    from adcli.api.check import Checked
    from adcli.api.compare import Comparison
    from adcli.api.derive import Derived
    from adcli.api.fit import Fit
    from adcli.api.point import Value
    from adcli.api.sparse import Sparse
    from adcli.report.explain import Explanation
    from adcli.report.graph import Graph
    from adcli.report.minimum import Minimum
    from adcli.report.propagate import Propagated
    from adcli.report.root import Root
    from adcli.report.roundoff import Report as Losses
    from adcli.report.trace import Trace
    from adcli.syntax.tree import Program as Tree


def compile(
    source: str | Source, *, name: str = "<program>", limits: Limits | None = None, tape: str = "auto", engine: str = "auto",
    exact_libm: bool = False,
) -> Program:  # fmt: skip
    """Read a program. `name` is what errors call it. Raises ProgramError, with the place, where the text is wrong.

    tape: how reverse sweeps through loops keep what they need, "full", "sqrt", "revolve:K" (K snapshots at a time), or "auto": full,
    and with snapshots where that would take more than the memory allowed. Derivatives are the same to the last bit.
    engine: "interpret", "native" (needs llvmlite), or "auto": the interpreter, and native code for what takes long.
    exact_libm: native code computes functions such as sin as the interpreter does; without, they may differ by 4 units in the last place.
    """
    choice = Choice(engine, exact_libm).checked()
    return Program(source if isinstance(source, Source) else Source(source, name), limits or Limits(), tape, choice)


class Result:
    """What one evaluation gives.

    outputs: the outputs by name. flags: what to read them with. derivative: what was asked for, see the methods of `Program`;
    sparse: the same as a sparse matrix, where that was asked for.
    value: the single output, or None if there are several. mode: how it was computed. steps: primal loop iterations and calls.
    """

    __slots__ = ("derivative", "flags", "gradient", "mode", "of", "outputs", "sparse", "steps")

    def __init__(self, outputs: dict[str, Value], flags: list[Flag], mode: str = "", steps: int = 0) -> None:
        self.outputs = outputs
        self.flags = flags
        self.mode = mode
        self.steps = steps
        self.derivative: dict[str, Any] = {}
        self.gradient: dict[str, Value] = {}
        self.of: str | None = None
        self.sparse: Sparse | None = None

    @property
    def value(self) -> Value | None:
        return next(iter(self.outputs.values())) if len(self.outputs) == 1 else None


class Program:
    """A program that can be evaluated and differentiated.

    Points are given as keywords (`f.value(x=1, w=[1, 2])`) or, where a name is also an option of the method, as a mapping
    (`f.value({"of": 1})`). Numbers come back as floats (ints, bools), arrays as NumPy arrays. `flags` holds those of the last call; of
    threads that share a program, which wait for one another in native code, those of whichever ran last.
    """

    def __init__(self, source: Source, limits: Limits, tape: str = "auto", choice: Choice | None = None) -> None:
        self.tapes = choices(tape)
        self.tiers = Tiers(choice or Choice(), limits)
        self.shelf = shelf(source.text, self.tiers.choice)
        self.source = source
        self.limits = limits
        self._tree: Tree | None = None
        found = None if self.shelf is None else kept_signature(self.shelf)
        self._kept = found is not None
        self.signature = self._signature() if found is None else found
        self.flags: list[Flag] = []
        self._variants: dict[tuple[object, ...], Variant] = {}

    @property
    def tree(self) -> Tree:
        """The syntax tree; not needed where all that is asked for is on the shelf."""
        if self._tree is None:
            self._tree = self._parsed()
        return self._tree

    @frames(NESTED)
    def _parsed(self) -> Tree:
        from adcli.syntax import parse

        return parse(self.source)

    @frames(NESTED)
    def _signature(self) -> Signature:
        from adcli.lower.signature import signature

        return signature(self.tree, self.source)

    def keep(self) -> None:
        """Put on the shelf what the program takes and gives, so that it need not be parsed to run."""
        if self.shelf is not None and not self._kept:
            self._kept = True
            keep_signature(self.shelf, self.signature, self.source)

    @property
    def checkpointed(self) -> str:
        """How loops were reversed where it was not with full tapes."""
        return next((text for v in self._variants.values() if (text := told(self.tapes[v.choice]))), "")

    @property
    def engines(self) -> tuple[str, ...]:
        """The engines that have run so far: "interpret", "native"."""
        return tuple(self.tiers.used)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs in order, with their kind, declared shape and default."""
        return self.signature.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs; "value" for one without a name."""
        return self.signature.outputs

    def using(self, engine: str) -> Program:
        """The same program with an engine of its own choice, nothing compiled yet, and nothing taken from the cache."""
        made = copy(self)
        made.shelf = None
        made.tiers = Tiers(Choice(engine, self.tiers.choice.exact_libm).checked(), self.limits)
        made._variants = {}
        return made

    def bind(self, at: Mapping[str, Any], order: int = ORDER) -> tuple[Variant, list[Value], list[Flag]]:
        """The program compiled for the shapes of a point, the values of its inputs in order, and the flags of the values.

        order: of the highest derivative that is wanted; it matters to roots and fixed points alone.
        """
        values, types, flags = bind(self.signature, self.source, at)
        order = ORDER if "root" not in self.source.text and "fixed_point" not in self.source.text else max(ORDER, order)
        key = (order.bit_length(), *types)
        variant = self._variants.get(key)
        if variant is None:
            variant = self._variants[key] = Variant(self, types, order)
        return variant, values, flags

    def value(self, at: Mapping[str, Any] | None = None, /, **named: Any) -> Any:
        """The value of the single output, or a dictionary of the outputs."""
        from adcli.api.derivatives import evaluate

        done = self._keep(evaluate(self, {**(at or {}), **named}))
        return done.outputs if done.value is None else done.value

    def gradient(
        self,
        at: Mapping[str, Any] | None = None,
        /,
        *,
        wrt: Sequence[str] | None = None,
        of: str | None = None,
        mode: str = "reverse",
        **named: Any,
    ) -> dict[str, Any]:
        """∂of/∂input for each input of `wrt` (default: all real ones); `of` names a scalar output, if there are several."""
        from adcli.api.derivatives import gradient

        return self._keep(gradient(self, {**(at or {}), **named}, wrt, of, mode)).derivative

    def jacobian(
        self, at: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None, sparse: bool = False,
        **named: Any,
    ) -> Any:  # fmt: skip
        """∂output/∂input by output and input, as dictionaries; an array's entry has the output's shape followed by the input's.

        sparse: one `adcli.api.sparse.Sparse` for all of it, with the entries that can differ from zero, by as few sweeps as they allow.
        """
        from adcli.api.derivatives import jacobian

        if sparse:
            from adcli.api.sparse import jacobian

        result = self._keep(jacobian(self, {**(at or {}), **named}, wrt, of))
        return result.sparse if sparse else result.derivative

    def hessian(
        self, at: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None, sparse: bool = False,
        **named: Any,
    ) -> Any:  # fmt: skip
        """∂²of/∂a∂b by inputs a and b, symmetric to the last bit; sparse: as for `jacobian`."""
        from adcli.api.second import hessian

        if sparse:
            from adcli.api.sparse import hessian

        result = self._keep(hessian(self, {**(at or {}), **named}, wrt, of))
        return result.sparse if sparse else result.derivative

    def jvp(
        self, at: Mapping[str, Any] | None = None, /, *, along: Mapping[str, Any], of: str | None = None, **named: Any
    ) -> dict[str, Any]:
        """The derivative of each output along a direction of the inputs (those left out do not move)."""
        from adcli.api.derivatives import jvp

        return self._keep(jvp(self, {**(at or {}), **named}, along, of)).derivative

    def vjp(
        self,
        at: Mapping[str, Any] | None = None,
        /,
        *,
        cotangent: Any = 1.0,
        wrt: Sequence[str] | None = None,
        of: str | None = None,
        **named: Any,
    ) -> dict[str, Any]:
        """The cotangent times the Jacobian, by input; a mapping gives a cotangent for each of several outputs."""
        from adcli.api.derivatives import vjp

        return self._keep(vjp(self, {**(at or {}), **named}, cotangent, wrt, of)).derivative

    def hvp(
        self,
        at: Mapping[str, Any] | None = None,
        /,
        *,
        along: Mapping[str, Any],
        wrt: Sequence[str] | None = None,
        of: str | None = None,
        **named: Any,
    ) -> dict[str, Any]:
        """The Hessian times a direction of the inputs, by input."""
        from adcli.api.second import hvp

        return self._keep(hvp(self, {**(at or {}), **named}, along, wrt, of)).derivative

    def taylor(
        self, at: Mapping[str, Any] | None = None, /, *, in_: str | None = None, order: int = 5, of: str | None = None, **named: Any
    ) -> list[Any]:
        """The coefficients of order 0 to `order` of the Taylor series along the input `in_`, or an element of one, "w[0]"."""
        from adcli.api.taylor import taylor

        (coefficients,) = self._keep(taylor(self, {**(at or {}), **named}, in_, order, of)).derivative.values()
        found: list[Any] = coefficients
        return found

    def trace(
        self, at: Mapping[str, Any] | None = None, /, *, mode: str = "reverse", along: Mapping[str, Any] | None = None,
        wrt: Sequence[str] | None = None, of: str | None = None, order: str = "eval", **named: Any,
    ) -> Trace:  # fmt: skip
        """The evaluation trace: one run recorded, with adjoints (mode "reverse") or tangents ("forward"); print it to see the table."""
        from adcli.api.trace import trace

        made, result = trace(self, {**(at or {}), **named}, mode=mode, along=along, wrt=wrt, of=of, order=order)
        self._keep(result)
        return made

    def graph(
        self, at: Mapping[str, Any] | None = None, /, *, values: bool = True, adjoints: bool = False, wrt: Sequence[str] | None = None,
        of: str | None = None, unroll: bool = False, **named: Any,
    ) -> Graph:  # fmt: skip
        """The computational graph of a run, or with values=False of the program; loops are boxes unless `unroll`. Print it to see it."""
        from adcli.api.graph import Request, graph

        made, result = graph(self, {**(at or {}), **named}, Request(values, adjoints, wrt=wrt, of=of, unroll=unroll))
        if result is not None:
            self._keep(result)
        return made

    def explain(
        self, at: Mapping[str, Any] | None = None, /, *, mode: str = "reverse", along: Mapping[str, Any] | None = None,
        wrt: Sequence[str] | None = None, of: str | None = None, **named: Any,
    ) -> Explanation:  # fmt: skip
        """Each derivative step in words, with its rule and numbers: print it, or go through its `steps()`."""
        from adcli.api.trace import trace
        from adcli.report.explain import Explanation

        made, result = trace(self, {**(at or {}), **named}, mode=mode, along=along, wrt=wrt, of=of)
        self._keep(result)
        return Explanation(made, flags=result.flags)

    def derive(
        self, at: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, order: int = 1, raw: bool = False,
        of: str | None = None, **named: Any,
    ) -> Derived:  # fmt: skip
        """The derivatives as formulas: `derive().texts` has them by input, `program_text()` is a program that computes them.

        order: with several inputs, by each pair, triple, … of them. raw: as the product rule gives them, not simplified. The point gives
        integer inputs, which are put in, and arrays, which say how long these are. Raises NoFormula where there is none.
        """
        from adcli.api.derive import derive

        return derive(self, wrt, order, raw, of=of, at={**(at or {}), **named})

    def check(
        self, at: Mapping[str, Any] | None = None, /, *, gradient: Mapping[str, Any] | None = None, wrt: Sequence[str] | None = None,
        of: str | None = None, **named: Any,
    ) -> Checked:  # fmt: skip
        """Is the gradient right? The `verdict` is "RIGHT", "WRONG", "NON-SMOOTH" or "INCONCLUSIVE", with findings by input.

        gradient: one from elsewhere, by input, to be checked instead of the program's own. Raises DataError where it does not fit.
        """
        from adcli.api.check import check_program, given

        found = check_program(self, {**(at or {}), **named}, wrt, of, None if gradient is None else given(gradient))
        self.flags = found.flags
        return found

    def compare(
        self, at: Mapping[str, Any] | None = None, /, *, manual: Program | None = None, seconds: float = 0.0,
        wrt: Sequence[str] | None = None, of: str | None = None, **named: Any,
    ) -> Comparison:  # fmt: skip
        """Differences, the complex step, the formula, forward and reverse mode side by side: the gradient of each of its `ways`, its error
        and its work.

        manual: a program of a gradient derived by hand, its outputs named after the inputs. seconds: to spend on measuring times.
        """
        from adcli.api.compare import compare

        found = compare(self, {**(at or {}), **named}, wrt=wrt, of=of, manual=manual, seconds=seconds)
        self._keep(found.result)
        return found

    def blame(
        self, at: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None, **named: Any
    ) -> Blame:  # fmt: skip
        """Why the value or the gradient is nan, infinite, 0 or huge: `summary` in words, `stories` with numbers; print it to see all."""
        from adcli.api.blame import blame

        found = blame(self, {**(at or {}), **named}, wrt, of)
        self._keep(found.result)
        return found

    def roundoff(self, at: Mapping[str, Any] | None = None, /, *, of: str | None = None, **named: Any) -> Losses:
        """The digits lost in a run and in its gradient, and where; print its `text(rows)`. Needs mpmath."""
        from adcli.api.roundoff import roundoff

        found, result = roundoff(self, {**(at or {}), **named}, of)
        self._keep(result)
        return found

    def propagate(
        self, at: Mapping[str, Any], spreads: Mapping[str, Any], correlations: Sequence[tuple[str, str, float]] = (), *,
        of: str | None = None,
    ) -> Propagated:  # fmt: skip
        """The outputs with their uncertainties. spreads: those of inputs, numbers or arrays; correlations: ("x", "w[0]", 0.5), …"""
        from adcli.api.propagate import propagate

        found, result = propagate(self, at, spreads, correlations, of)
        self._keep(result)
        return found

    def minimize(
        self, at: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None, method: str = "auto",
        bounds: Mapping[str, tuple[float | None, float | None]] | None = None, constraints: Sequence[str] = (), tol: float = 1e-8,
        max_iterations: int | None = None, lr: float | None = None, momentum: float | None = None, data: Mapping[str, Any] | None = None,
        mean: bool = False, batch: int | None = None, seed: int = 0, **named: Any,
    ) -> Minimum:  # fmt: skip
        """The minimum of a scalar output that lies downhill from a point. Needs scipy for lbfgs, slsqp and trust-constr.

        bounds: {"x": (0, 1), "w[0]": (None, 5)}; constraints: ["x + y = 1", "x^2 + y^2 <= 1"]; data: columns for the inputs over which the
        output is summed, or its mean taken; for the rest see `adcli minimize --help`.
        """
        from adcli.api.constraints import with_variables
        from adcli.api.minimize import Search, Settings
        from adcli.api.target import Pointwise, over_rows

        settings = Settings(method, tol, max_iterations, lr, momentum, bounds or {}, constraints, batch, seed)
        point = {**(at or {}), **named}
        engine = self.tiers.choice.engine
        program = with_variables(self, constraints, point)
        target = Pointwise(program, point, wrt, of) if data is None else over_rows(program, data, point, wrt, of, mean=mean, engine=engine)
        found, result = Search(target, settings).find()
        self._keep(result)
        return found

    def solve(
        self, at: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None,
        bounds: Mapping[str, tuple[float | None, float | None]] | None = None, tol: float = 1e-8, max_iterations: int | None = None,
        **named: Any,
    ) -> Root:  # fmt: skip
        """The point near `at` where all outputs are 0, as many as there are variables; `adcli.api.solve.equations` takes equations."""
        from adcli.api.solve import solve

        found, result = solve(self, {**(at or {}), **named}, wrt, bounds, tol, max_iterations)
        self._keep(result)
        return found

    def bench(
        self, at: Mapping[str, Any] | None = None, /, *, engines: Sequence[str] | None = None, wrt: Sequence[str] | None = None,
        of: str | None = None, seconds: float = 1.0, **named: Any,
    ) -> dict[str, Measured]:  # fmt: skip
        """Seconds to compile the gradient, for a value and for a gradient, their ratio and the tape's bytes, by engine."""
        from adcli.api.bench import bench

        return bench(self, {**(at or {}), **named}, engines=engines, wrt=wrt, of=of, seconds=seconds)

    def batch(
        self, data: Mapping[str, Any], kind: str = "eval", /, *, at: Mapping[str, Any] | None = None, wrt: Sequence[str] | None = None,
        of: str | None = None, along: Mapping[str, Any] | None = None, engine: str = "auto", jobs: int = 1,
    ) -> dict[str, Any]:  # fmt: skip
        """Values or derivatives in every row of data, as columns: arrays of shape [rows] by name.

        data: for each input that changes an array whose leading axis counts the rows; at: one value for all rows for the others.
        kind: "eval", "grad", "jvp" (with `along`) or "hessian". The columns are called as `--data` calls them: value, d_x, d_w[0].
        engine: "auto", "interpret" or "native"; jobs: threads. The first row that fails raises its error.
        """
        from adcli.api.batch import batch

        columns, self.flags = batch(self, data, kind, at or {}, wrt, of, along, engine, jobs)
        return columns

    def fit(
        self, data: Mapping[str, Any], target: str | None = None, params: Mapping[str, Any] | None = None, *, weights: str | None = None,
        loss: str | None = None, fix: Mapping[str, float | None] | None = None, bounds: Mapping[str, tuple[float, float]] | None = None,
        of: str | None = None, level: float = 0.95, engine: str = "auto", jobs: int | None = None,
    ) -> Fit:  # fmt: skip
        """The parameters for which the output is closest to a target over rows of data, in the sense of least squares. Needs scipy.

        data: arrays by name, whose leading axis counts the rows; those with the name of an input are that input, and the other inputs are
        parameters, which begin at `params` or their defaults. target, weights: columns, or expressions of columns; the weights multiply the
        squares. loss: "sum" or "mean" makes the output itself the loss of a row; then there is no target. fix: parameters (or elements,
        "w[0]") that stay, at a value or (None) at their start. level: of the confidence intervals.
        """
        from adcli.api.fit import Settings, fit

        return fit(self, data, params or {}, Settings(target, weights, loss, fix or {}, bounds or {}, of, level, engine, jobs))

    def _keep(self, result: Result) -> Result:
        self.flags = result.flags
        return result
