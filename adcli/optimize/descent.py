"""Step rules of first-order descent: each turns a gradient into a step, and says what it must remember to go on.

    rule = make("adam", rate=0.01, size=3)
    for …:
        rule.step(x, g)              x, g: arrays of shape [size]; x is changed in place, g is left alone
    kept = rule.state()              {"t": 17, "m": array, "v": array}: numbers and arrays, and nothing else
    make("adam", 0.01, 3).restore(kept)

A rule that is restored goes on to the same bits. Every step is odd in the gradient, so that a negative rate climbs: to maximise is to
descend with the rate -rate, again to the same bits as descending on the negated function. Stochastic descent is any of these on the
gradient of a few rows; where those come from is the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np

Vector: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
State: TypeAlias = "dict[str, Vector | int]"


class Rule(Protocol):
    """What takes steps. `settings` are the numbers that make it, `state` what changes from step to step."""

    rate: float
    settings: dict[str, float | bool]

    def step(self, x: Vector, g: Vector) -> None:
        """Move x, in place, along the gradient g of shape [size]."""
        ...

    def state(self) -> State:
        """Copies of all that the next step depends on beside x and g."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave. ValueError: it is of another rule or size."""
        ...


class GradientDescent:
    """x ← x - rate·g (Cauchy, Méthode générale pour la résolution des systèmes d'équations simultanées, 1847)."""

    def __init__(self, rate: float, size: int) -> None:
        self.settings: dict[str, float | bool] = {"rate": rate}
        self.rate = rate
        self._room = np.empty(size)

    def step(self, x: Vector, g: Vector) -> None:
        np.multiply(g, self.rate, out=self._room)
        np.subtract(x, self._room, out=x)

    def state(self) -> State:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        _expect(state, {}, 0)


class Momentum:
    """v ← decay·v + g; x ← x - rate·v: the heavy ball of Polyak (Some methods of speeding up the convergence of iteration methods, 1964).

    nesterov: x ← x - rate·(g + decay·v) instead, the gradient looked up one step ahead (Nesterov, A method of solving a convex programming
    problem with convergence rate O(1/k²), 1983), in the variables of Sutskever, Martens, Dahl and Hinton (On the importance of
    initialization and momentum in deep learning, 2013), shifted so that g is the gradient at x.
    """

    def __init__(self, rate: float, size: int, decay: float = 0.9, nesterov: bool = False) -> None:
        self.settings: dict[str, float | bool] = {"rate": rate, "decay": decay, "nesterov": nesterov}
        self.rate, self.decay, self.nesterov = rate, decay, nesterov
        self.velocity = np.zeros(size)
        self._room = np.empty(size)

    def step(self, x: Vector, g: Vector) -> None:
        v, room = self.velocity, self._room
        np.multiply(v, self.decay, out=v)
        np.add(v, g, out=v)
        if self.nesterov:
            np.multiply(v, self.decay, out=room)
            np.add(room, g, out=room)
            np.multiply(room, self.rate, out=room)
        else:
            np.multiply(v, self.rate, out=room)
        np.subtract(x, room, out=x)

    def state(self) -> State:
        return {"velocity": self.velocity.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        _expect(state, {"velocity": Vector}, len(self.velocity))
        self.velocity[:] = state["velocity"]


class Adam:
    """Algorithm 1 of Kingma and Ba, Adam: a method for stochastic optimization, ICLR 2015 (arXiv:1412.6980).

    m ← β₁·m + (1-β₁)·g; v ← β₂·v + (1-β₂)·g²; x ← x - rate·m̂/(√v̂ + ε) with m̂ = m/(1-β₁ᵗ), v̂ = v/(1-β₂ᵗ) at step t.
    """

    def __init__(self, rate: float, size: int, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> None:
        self.settings: dict[str, float | bool] = {"rate": rate, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}
        self.rate, self.beta1, self.beta2, self.epsilon = rate, beta1, beta2, epsilon
        self.t = 0
        self.m, self.v = np.zeros(size), np.zeros(size)
        self._a, self._b = np.empty(size), np.empty(size)

    def step(self, x: Vector, g: Vector) -> None:
        m, v, a, b = self.m, self.v, self._a, self._b
        self.t += 1
        np.multiply(m, self.beta1, out=m)
        np.add(m, np.multiply(g, 1 - self.beta1, out=a), out=m)
        np.multiply(v, self.beta2, out=v)
        np.multiply(np.multiply(g, g, out=a), 1 - self.beta2, out=a)
        np.add(v, a, out=v)
        np.multiply(m, self.rate / (1 - self.beta1**self.t), out=a)
        np.divide(v, 1 - self.beta2**self.t, out=b)
        np.add(np.sqrt(b, out=b), self.epsilon, out=b)
        np.subtract(x, np.divide(a, b, out=a), out=x)

    def state(self) -> State:
        return {"t": self.t, "m": self.m.copy(), "v": self.v.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        _expect(state, {"t": int, "m": Vector, "v": Vector}, len(self.m))
        self.t = int(state["t"])
        self.m[:], self.v[:] = state["m"], state["v"]


def _expect(state: Mapping[str, Any], kinds: Mapping[str, Any], size: int) -> None:
    """A state has these entries and no other, arrays being of that size."""
    if set(state) != set(kinds):
        raise ValueError(f"a state with {', '.join(sorted(kinds)) or 'nothing in it'}, not {', '.join(sorted(state)) or 'nothing'}")
    for name, kind in kinds.items():
        if kind is int:
            if isinstance(state[name], bool) or not isinstance(state[name], int) or state[name] < 0:
                raise ValueError(f"'{name}' is a count")
        elif np.shape(state[name]) != (size,):
            raise ValueError(f"'{name}' has {size} numbers")


# gd and sgd take the same step; they differ in whether the gradient is that of all rows.
RULES: dict[str, Callable[..., Rule]] = {"gd": GradientDescent, "sgd": GradientDescent, "momentum": Momentum, "adam": Adam}


def make(name: str, rate: float, size: int, **settings: Any) -> Rule:
    """The rule of that name (see RULES) for vectors of that size; `settings` are those of its class, such as decay or beta1."""
    return RULES[name](rate, size, **settings)
