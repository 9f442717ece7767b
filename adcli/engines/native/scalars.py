"""Operations on numbers as LLVM instructions, one function each, named as in the table.

Functions of the C library and those that the table writes in ADL need nothing here; what is left calls the table's own Python form.
"""
from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import TypeAlias

from adcli.engines.native.code import LLVM, Code, constant, real
from adcli.ops import Op, powers

Form: TypeAlias = "Callable[..., str]"
PURE = "nounwind willreturn memory(none)"
NAN = real(float("nan"))
ZERO, HALF, ONE = real(0.0), real(0.5), real(1.0)


def scalar(c: Code, op: Op, elem: str, args: Sequence[tuple[str, str]]) -> str:
    """out = op(args…) for operands with their element types."""
    out = plain(c, op, elem, args)
    if c.watcher is not None and elem == "real":
        c.watcher(op, args, out)
    return out


def plain(c: Code, op: Op, elem: str, args: Sequence[tuple[str, str]]) -> str:
    both = _OF_BOTH.get(op.name)
    if both is not None:
        kind = "int"
        for _, e in args:
            if e == "real":
                kind = e
        return both[kind == "int"](c, *[a if e == kind else coerced(c, a, e, kind) for a, e in args])
    form = _FORMS.get(op.name)
    if form is not None:
        kinds = _KINDS.get(op.name)
        if kinds is None:
            return form(c, *[a if e == "real" else coerced(c, a, e, "real") for a, e in args])
        if kinds == ("any",):
            kinds = tuple(elem for _ in args)
        elif kinds == ("bool", "any", "any"):
            kinds = ("bool", elem, elem)
            return c.select(args[0][0], LLVM[elem], coerced(c, *args[1], elem), coerced(c, *args[2], elem))
        return form(c, *[coerced(c, a, e, k) for (a, e), k in zip(args, kinds, strict=True)])
    values = [a if e == "real" else coerced(c, a, e, "real") for a, e in args]
    if op.name == "pow_d" and (power := _pow_d(c, *values)) is not None:
        return power
    if op.native is not None and op.native.isidentifier():
        return libm(c, op.native, *values)
    return python(c, op, elem, args)


def coerced(c: Code, a: str, have: str, want: str) -> str:
    """An operand of another element type."""
    if have == want:
        return a
    if have == "bool":
        if a in ("0", "1"):
            return constant(int(a), want)
        return c.op(f"zext i1 {a} to i64") if want == "int" else c.op(f"uitofp i1 {a} to double")
    if want == "bool":
        return c.op(f"fcmp une double {a}, 0.0") if have == "real" else c.op(f"icmp ne i64 {a}, 0")
    if want == "real":
        return real(float(int(a))) if a.lstrip("-").isdigit() else c.op(f"sitofp i64 {a} to double")
    return _to_int(c, a)


def libm(c: Code, name: str, *args: str) -> str:
    """A function of the C library on doubles. It is free of effects: errno is looked at by nobody."""
    if name not in c.declared:
        c.declare(name, f"declare double @{name}({', '.join('double' for _ in args)}) {PURE}")
    group = f" #{c.vectorised[name]}" if name in c.vectorised else ""
    return c.op(f"call double @{name}(double {', double '.join(args)}){group}")


def python(c: Code, op: Op, elem: str, args: Sequence[tuple[str, str]]) -> str:
    """The table's form, called in Python."""
    name = f"adcli_{op.name}_{''.join([e[0] for _, e in args])}_{elem[0]}"
    if name not in c.declared:
        c.declare(name, f"declare {LLVM[elem]} @{name}({', '.join(LLVM[e] for _, e in args)}) {PURE}")
    return c.op(f"call {LLVM[elem]} @{name}({', '.join([f'{LLVM[e]} {a}' for a, e in args])})")


def intrinsic(name: str) -> Form:
    def form(c: Code, *args: str) -> str:
        return c.call(f"llvm.{name}.f64", "double", [("double", a) for a in args])

    return form


def prelude(name: str, type_: str = "double") -> Form:
    """A function of the prelude (see `module`)."""

    def form(c: Code, *args: str) -> str:
        return c.op(f"call {type_} @adcli.{name}({type_} {f', {type_} '.join(args)})")

    return form


def instruction(text: str) -> Form:
    start = text + " "
    return lambda c, *args: c.op(start + ", ".join(args))


def _maximum(c: Code, a: str, b: str) -> str:
    larger, undefined = c.op(f"fcmp ogt double {a}, {b}"), c.op(f"fcmp uno double {a}, {a}")
    return c.select(c.op(f"or i1 {larger}, {undefined}"), "double", a, b)


def _minimum(c: Code, a: str, b: str) -> str:
    smaller, undefined = c.op(f"fcmp olt double {a}, {b}"), c.op(f"fcmp uno double {a}, {a}")
    return c.select(c.op(f"or i1 {smaller}, {undefined}"), "double", a, b)


def _int_extreme(test: str) -> Form:
    return lambda c, a, b: c.select(c.op(f"icmp {test} i64 {a}, {b}"), "i64", a, b)


def _clip(c: Code, x: str, a: str, b: str) -> str:
    return _minimum(c, _maximum(c, x, a), b)


def _int_clip(c: Code, x: str, a: str, b: str) -> str:
    return _int_extreme("slt")(c, _int_extreme("sgt")(c, x, a), b)


def _relu(c: Code, x: str) -> str:
    return c.select(c.op(f"fcmp ugt double {x}, 0.0"), "double", x, ZERO)


def _int_relu(c: Code, x: str) -> str:
    return c.select(c.op(f"icmp sgt i64 {x}, 0"), "i64", x, "0")


def _chain(c: Code, tests: Sequence[tuple[str, str]], otherwise: str) -> str:
    """The value of the first test that holds."""
    out = otherwise
    for cond, value in reversed(tests):
        out = c.select(cond, "double", value, out)
    return out


def _share(c: Code, a: str, b: str) -> str:
    tests = [(c.op(f"fcmp {t} double {a}, {b}"), v) for t, v in (("ogt", ONE), ("olt", ZERO), ("oeq", HALF))]
    return _chain(c, tests, NAN)


def _above(c: Code, a: str, b: str) -> str:
    return _chain(c, [(c.op(f"fcmp ogt double {a}, {b}"), ONE), (c.op(f"fcmp ole double {a}, {b}"), ZERO)], NAN)


def _inside(c: Code, x: str, a: str, b: str) -> str:
    above, below = c.op(f"fcmp ole double {a}, {x}"), c.op(f"fcmp ole double {x}, {b}")
    both = c.op(f"and i1 {above}, {below}")
    ordered = c.op(f"and i1 {c.op(f'fcmp ord double {x}, {a}')}, {c.op(f'fcmp ord double {b}, {b}')}")
    return c.select(both, "double", ONE, c.select(ordered, "double", ZERO, NAN))


def _sign(c: Code, x: str) -> str:
    tests = [(c.op(f"fcmp {t} double {x}, 0.0"), v) for t, v in (("ogt", ONE), ("olt", real(-1.0)), ("oeq", ZERO))]
    return _chain(c, tests, NAN)


def _int_sign(c: Code, x: str) -> str:
    above, below = c.op(f"icmp sgt i64 {x}, 0"), c.op(f"icmp slt i64 {x}, 0")
    return c.op(f"sub i64 {c.op(f'zext i1 {above} to i64')}, {c.op(f'zext i1 {below} to i64')}")


def _int_abs(c: Code, x: str) -> str:
    return c.call("llvm.abs.i64", "i64", [("i64", x), ("i1", "false")])


def _to_int(c: Code, x: str) -> str:
    return c.call("llvm.fptosi.sat.i64.f64", "i64", [("double", x)])


def _is_const(text: str) -> float | None:
    if not text.startswith("0x"):
        return None
    value: float = struct.unpack("<d", struct.pack("<Q", int(text, 16)))[0]
    return value


def _pow(c: Code, x: str, y: str) -> str:
    """x^y; the first few whole powers are products."""
    exponent = _is_const(y)
    if exponent == 2.0:
        return c.op(f"fmul double {x}, {x}")
    if exponent in (3.0, 4.0):
        square = c.op(f"fmul double {x}, {x}")
        return c.op(f"fmul double {square}, {x if exponent == 3.0 else square}")
    if exponent == 1.0:
        return x
    return libm(c, "pow", x, y)


def _pow_x(c: Code, x: str, y: str) -> str:
    exponent = _is_const(y)
    if exponent == 2.0:
        return c.op(f"fadd double {x}, {x}")
    if exponent is not None and 1 < exponent < 2**53 and exponent.is_integer():
        return c.op(f"fadd double {c.op(f'fmul double {y}, {_pow(c, x, real(exponent - 1.0))}')}, 0.0")
    return c.op(f"call double @adcli.pow_x(double {x}, double {y})")


def _pow_d(c: Code, x: str, y: str, k: str, m: str) -> str | None:
    """The k-th derivative of x^y in x alone, y and k constants: y(y - 1)…·x^(y - k). None where it is anything else."""
    p, n, logs = _is_const(y), _is_const(k), _is_const(m)
    if p is None or n is None or logs != 0.0 or not 0 <= n <= 50 or p != p:
        return None
    factor = powers.falling(p, int(n), 0)
    if factor == 0.0 or p == n:
        return c.select(c.op(f"fcmp uno double {x}, 0.0"), "double", NAN, real(factor))
    z = p - n
    power = _pow(c, x, real(z))
    error = (p - (z + n)) - (n - ((z + n) - z))
    if error:  # of y - k, which was rounded
        tests = [c.op(f"fcmp ogt double {a}, 0.0") for a in (x, power)] + [c.op(f"fcmp olt double {power}, {real(math.inf)}")]
        fine = c.op(f"and i1 {tests[0]}, {c.op(f'and i1 {tests[1]}, {tests[2]}')}")
        log = c.op(f"fmul double {real(error)}, {libm(c, 'log', x)}")
        power = c.select(fine, "double", c.op(f"fmul double {power}, {c.op(f'fadd double {ONE}, {log}')}"), power)
    value = c.op(f"fadd double {c.op(f'fmul double {real(factor)}, {power}')}, 0.0")
    return c.select(c.op(f"fcmp oeq double {x}, 0.0"), "double", real(powers.pow_d(0.0, p, n, 0.0)), value)


def _exp10(c: Code, x: str) -> str:
    return libm(c, "pow", real(10.0), x)


def _compare(test: str) -> tuple[Form, Form]:
    floats = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}[test]
    ints = {"lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge", "eq": "eq", "ne": "ne"}[test]
    return instruction(f"fcmp {floats} double"), instruction(f"icmp {ints} i64")


def _int_neg(c: Code, x: str) -> str:
    return c.op(f"sub i64 0, {x}")


# For reals, and for integers where all arguments are.
_OF_BOTH: dict[str, tuple[Form, Form]] = {
    "add": (instruction("fadd double"), instruction("add i64")), "sub": (instruction("fsub double"), instruction("sub i64")),
    "mul": (instruction("fmul double"), instruction("mul i64")), "neg": (instruction("fneg double"), _int_neg),
    "floordiv": (prelude("floordiv"), prelude("int_floordiv", "i64")), "mod": (prelude("mod"), prelude("int_mod", "i64")),
    "pow": (_pow, prelude("int_pow", "i64")), "maximum": (_maximum, _int_extreme("sgt")), "minimum": (_minimum, _int_extreme("slt")),
    "clip": (_clip, _int_clip), "relu": (_relu, _int_relu), "abs": (intrinsic("fabs"), _int_abs), "sign": (_sign, _int_sign),
    **{test: _compare(test) for test in ("lt", "le", "gt", "ge", "eq", "ne")},
}  # fmt: skip

_KINDS: dict[str, tuple[str, ...]] = {
    "select": ("bool", "any", "any"), "logical_and": ("bool", "bool"), "logical_or": ("bool", "bool"), "logical_not": ("bool",),
    "stop": ("any",), "to_real": ("real",), "copy": ("any",), "revolve_split": ("int", "int"),
}  # fmt: skip

_FORMS: dict[str, Form] = {
    "div": instruction("fdiv double"), "select": lambda c, *a: "", "fmod": lambda c, x, y: libm(c, "fmod", x, y),
    "logical_and": instruction("and i1"), "logical_or": instruction("or i1"), "logical_not": lambda c, a: c.op(f"xor i1 {a}, true"),
    "share": _share, "above": _above, "inside": _inside, "stop": lambda c, x: x, "copy": lambda c, x: x,
    "floor": intrinsic("floor"), "ceil": intrinsic("ceil"), "trunc": intrinsic("trunc"), "round": intrinsic("roundeven"),
    "sqrt": intrinsic("sqrt"), "to_int": _to_int, "to_real": lambda c, x: x, "pow_x": _pow_x, "exp10": _exp10,
    "cbrt": prelude("cbrt"), "gauss": prelude("gauss"), "normpdf": prelude("normpdf"), "normcdf": prelude("normcdf"),
}  # fmt: skip
