"""The intermediate representation: the computational graph, loops included.

Single assignment, A-normal form, structured control flow. A function's body is a block; a block is a
list of statements and the atoms it yields. Inner blocks see the variables of the blocks around them.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from adcli.errors import Span
from adcli.ir.types import Type
from adcli.ops.record import Op


class Var:
    """A variable, assigned once. Equality is identity; `name` is the name in the program, or "" for a step of an expression."""

    __slots__ = ("name", "type")

    def __init__(self, type: Type, name: str = "") -> None:
        self.type = type
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name or 'v'} {self.type}>"


class Const:
    """A scalar constant: a float, int or bool. Equality is identity."""

    __slots__ = ("type", "value")

    def __init__(self, value: float | int | bool, type: Type) -> None:
        self.value = value
        self.type = type

    def __repr__(self) -> str:
        return repr(self.value)


Atom: TypeAlias = Var | Const


@dataclass(slots=True, eq=False)
class Let:
    """out = op(args…; attrs). `inplace`: args[0] may be overwritten (set by passes.storage only)."""

    out: Var
    op: Op
    args: tuple[Atom, ...]
    attrs: tuple[object, ...] = ()
    span: Span | None = None
    inplace: bool = False


@dataclass(slots=True, eq=False)
class Block:
    """Statements, then the values the block yields."""

    statements: list[Statement] = field(default_factory=list)
    results: tuple[Atom, ...] = ()


@dataclass(slots=True, eq=False)
class If:
    """outs = if cond: then else: other. Both blocks yield len(outs) values."""

    outs: tuple[Var, ...]
    cond: Atom
    then: Block
    other: Block
    span: Span | None = None


@dataclass(slots=True, eq=False)
class For:
    """outs = for index in start, start + step, … (count values) carrying params = inits: body.

    start, count, step are int atoms, count ≥ 0 (a negative one counts as 0). The body sees index and params and
    yields the next params; outs are the last ones. `counted`: iterations are steps of --max-steps (false in derivative code).
    """

    outs: tuple[Var, ...]
    index: Var
    start: Atom
    count: Atom
    step: Atom
    params: tuple[Var, ...]
    inits: tuple[Atom, ...]
    body: Block
    span: Span | None = None
    counted: bool = True


@dataclass(slots=True, eq=False)
class While:
    """count, *outs = while test carrying index = 0, 1, … and params = inits: body.

    test and body see index (the iterations done so far) and params; test yields one bool; body the next params.
    `count` is the number of iterations at the end: reverse mode runs a For over it.
    """

    count: Var
    outs: tuple[Var, ...]
    index: Var
    params: tuple[Var, ...]
    inits: tuple[Atom, ...]
    test: Block
    body: Block
    span: Span | None = None
    counted: bool = True


@dataclass(slots=True, eq=False)
class Call:
    """outs = function(args…)."""

    outs: tuple[Var, ...]
    function: Function
    args: tuple[Atom, ...]
    span: Span | None = None
    counted: bool = True


@dataclass(slots=True, eq=False)
class Check:
    """Stops with an error unless it holds; effectful, never dead code.

    kind names the test in `adcli.engines.checks` ("bounds": index, extent; "equal": two ints; "integral": a real; "divisor": an int,
    "true": a bool …) and so the error class and its message; `about` is text for the message.
    kind "flag" never stops: where args[0] (a bool, or an array of them) holds anywhere, `about` = (code, op name) is noted as a flag.
    """

    kind: str
    args: tuple[Atom, ...]
    about: tuple[str, ...] = ()
    span: Span | None = None


@dataclass(slots=True, eq=False)
class Push:
    """Append the value to the tape of that number (one tape for each Push in the program)."""

    tape: int
    value: Atom


@dataclass(slots=True, eq=False)
class Pop:
    """Take the last value off a tape."""

    out: Var
    tape: int


Statement: TypeAlias = Let | If | For | While | Call | Check | Push | Pop


@dataclass(slots=True, eq=False)
class Function:
    """A function: params, body (whose results are the function's), and for a derivative what it is the derivative `of`.

    body is None only while a recursive function is being lowered; `result_types` is known before.
    """

    name: str
    params: tuple[Var, ...]
    body: Block
    result_names: tuple[str, ...] = ()
    of: object | None = None
    span: Span | None = None
    result_types: tuple[Type, ...] = ()

