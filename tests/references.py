"""The samples once more in mpmath at 80 digits, written apart from adcli: the source of the numbers in their headers.

`python -m tests.references` writes the `# value:` and `# gradient:` lines of every sample anew.
Numbers of a program are binary64, so Python floats stand for them; derivatives are central differences of step 1e-25.
"""
from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from mpmath import mp, mpf

SAMPLES = pathlib.Path(__file__).parent.parent / "samples"
mp.dps = 80


def survey(x1, x2):
    return mp.log(x1) + x1 * x2 - mp.sin(x2)


def logistic_map(x):
    for _ in range(3):
        x = 4 * x * (1 - x)
    return x


def kepler(M, ecc):
    anomaly = mp.findroot(lambda E: E - ecc * mp.sin(E) - M, M)
    return 1 - ecc * mp.cos(anomaly)


def logistic_regression(w, b):
    rows = [[0.5, 1.2], [1.5, -0.3], [-1.1, 0.8], [2.2, 0.1], [-0.7, -1.5], [0.3, 2.0]]
    total = mpf(0)
    for row, label in zip(rows, [0, 1, 0, 1, 1, 0], strict=True):
        p = 1 / (1 + mp.exp(-(row[0] * w[0] + row[1] * w[1] + b)))
        total -= mp.log(p if label else 1 - p)
    return total / 6 + 0.01 * (w[0] ** 2 + w[1] ** 2)


def logistic_likelihood(w, x, t):
    h = 1 / (1 + mp.exp(-sum(a * b for a, b in zip(w, x, strict=True))))
    return t * mp.log(h) + (1 - t) * mp.log(1 - h)


def logistic_likelihood_safe(w, x, t):
    return logistic_likelihood(w, x, t)


def newton_sqrt(x):
    return mp.sqrt(x)


def rosenbrock(x):
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def orbit(x, speed):
    def flow(s):
        r3 = mp.sqrt(s[0] ** 2 + s[1] ** 2) ** 3
        return [s[2], s[3], -s[0] / r3, -s[1] / r3]

    def moved(s, h, k):
        return [a + h * b for a, b in zip(s, k, strict=True)]

    h, s = mpf(0.05), [x, mpf(0), mpf(0), speed]
    for _ in range(80):
        k1 = flow(s)
        k2 = flow(moved(s, h / 2, k1))
        k3 = flow(moved(s, h / 2, k2))
        k4 = flow(moved(s, h, k3))
        s = [a + h / 6 * (p + 2 * q + 2 * r + t) for a, p, q, r, t in zip(s, k1, k2, k3, k4, strict=True)]
    return mp.sqrt(s[0] ** 2 + s[1] ** 2)


def softmax_regression(W):
    total = mpf(0)
    for point, label in zip([[1, 2], [0.5, -1], [-1.5, 0.3], [2, 1]], [0, 2, 1, 0], strict=True):
        powers = [mp.exp(point[0] * W[0][k] + point[1] * W[1][k]) for k in range(3)]
        total -= mp.log(powers[label] / sum(powers))
    return total / 4


def black_scholes(S, K, r, sigma, T):
    d1 = (mp.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * mp.sqrt(T))
    return S * mp.ncdf(d1) - K * mp.exp(-r * T) * mp.ncdf(d1 - sigma * mp.sqrt(T))


def tax(income, gift):
    taxable = income - (10000 - (income - 60000) / 2) - gift
    return 0.1 * mpf(12000) + 0.2 * mpf(18000) + 0.3 * (taxable - 30000)


def power(x, n):
    return x ** int(n)


def smoother(y, stiffness):
    x = list(y)
    for _ in range(6):
        for i in range(1, len(x) - 1):
            x[i] = (y[i] + stiffness * (x[i - 1] + x[i + 1])) / (1 + 2 * stiffness)
    return sum((b - a) ** 2 for a, b in pairwise(x)) + sum((a - b) ** 2 for a, b in zip(x, y, strict=True))


def hypergradient(rate, momentum, start):
    """The inner gradient of (1 - x)² + 2(y - x²)² by hand."""
    x, y = start
    u = v = mpf(0)
    for _ in range(20):
        u = momentum * u - rate * (-2 * (1 - x) - 8 * x * (y - x**2))
        v = momentum * v - rate * 4 * (y - x**2)
        x, y = x + u, y + v
    return (1 - x) ** 2 + 2 * (y - x**2) ** 2


def helmholtz(x):
    bx = 1e-5 * sum(x)
    ideal = mpf(8.314) * 273 * sum(a * mp.log(a / (1 - bx)) for a in x)
    quadratic = sum(x[i] * x[j] / mpf(i + j + 1) for i in range(3) for j in range(3))
    root = mp.sqrt(2)
    return ideal - quadratic / (mp.sqrt(8) * bx) * mp.log((1 + (1 + root) * bx) / (1 + (1 - root) * bx))


def lstm(W, bias):
    def sigmoid(t):
        return 1 / (1 + mp.exp(-t))

    h, c = [mpf(0)] * 2, [mpf(0)] * 2
    for u in [0.5, -1.0, 0.3, 1.2, -0.4]:
        z = [row[0] * u + row[1] * h[0] + row[2] * h[1] + shift for row, shift in zip(W, bias, strict=True)]
        c = [sigmoid(z[2 + k]) * c[k] + sigmoid(z[k]) * mp.tanh(z[4 + k]) for k in range(2)]
        h = [sigmoid(z[6 + k]) * mp.tanh(c[k]) for k in range(2)]
    return (h[0] - 0.2) ** 2 + (h[1] + 0.1) ** 2


def simpson(b, k, n):
    def f(x):
        return mp.exp(-(x**2)) * mp.cos(k * x)

    n = int(n)
    h = b / n
    return h / 3 * (f(mpf(0)) + f(b) + sum((4 if i % 2 else 2) * f(i * h) for i in range(1, n)))


def pendulum(length, amplitude):
    return 4 * mp.sqrt(length / mpf(9.80665)) * mp.ellipk(mp.sin(amplitude / 2) ** 2)


def markov(logits, centre, width):
    moves = [[mp.exp(v) / sum(mp.exp(u) for u in row) for v in row] for row in logits]
    chance = [mpf(1) / 2] * 2
    for t, seen in enumerate([-0.8, -1.3, 0.9, 1.7, 1.2, -0.4, -1.1, 2.0]):
        if t:
            chance = [sum(chance[i] * moves[i][j] for i in range(2)) for j in range(2)]
        chance = [p * mp.npdf(seen, centre[j], width) for j, p in enumerate(chance)]
    return mp.log(sum(chance))


def projectile(speed, angle):
    dt, x, y = mpf(0.02), mpf(0), mpf(0)
    vx, vy = speed * mp.cos(angle), speed * mp.sin(angle)
    while True:
        drag = 0.01 * mp.sqrt(vx**2 + vy**2)
        vx, vy = vx - dt * drag * vx, vy - dt * (9.81 + drag * vy)
        if y + dt * vy < 0:
            return x + dt * vx * y / (-dt * vy)
        x, y = x + dt * vx, y + dt * vy


def power_iteration(A):
    def times(x):
        return [sum(a * b for a, b in zip(row, x, strict=True)) for row in A]

    x = [mpf(1)] * 3
    for _ in range(60):
        x = times(x)
        length = mp.sqrt(sum(a**2 for a in x))
        x = [a / length for a in x]
    return sum(a * b for a, b in zip(x, times(x), strict=True))


REFERENCES: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        survey, logistic_map, kepler, logistic_regression, logistic_likelihood, logistic_likelihood_safe, newton_sqrt, rosenbrock, orbit,
        softmax_regression, black_scholes, tax, power, smoother, helmholtz, lstm, simpson, pendulum, markov, projectile, power_iteration,
        hypergradient,
    )
}  # fmt: skip
WHOLE = {"power": {"n"}, "simpson": {"n"}}  # the inputs declared int: not differentiated


def assignments(text: str) -> dict[str, Any]:
    """The values of a header line "x = 1, w = [1, 2]"."""
    words = re.split(r"(?:^|,)\s*([A-Za-z_]\w*)\s*=", text)
    return {name: json.loads(value) for name, value in zip(words[1::2], words[2::2], strict=True)}


def header(text: str) -> dict[str, Any]:
    """What a sample's header states: point, value and gradient."""
    lines = dict(re.findall(r"^# (point|value|gradient): (.*)$", text, re.M))
    return {key: float(line) if key == "value" else assignments(line) for key, line in lines.items()}


def exact(value: Any) -> Any:
    return [exact(v) for v in value] if isinstance(value, list) else mpf(value)


def places(value: Any, at: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """The index of every number in nested lists."""
    if isinstance(value, list):
        for i, v in enumerate(value):
            yield from places(v, (*at, i))
    else:
        yield at


def moved(value: Any, at: tuple[int, ...], by: Any) -> Any:
    """A copy with the number at that index moved."""
    if not at:
        return value + by
    return [moved(v, at[1:], by) if i == at[0] else v for i, v in enumerate(value)]


def shaped(value: Any, numbers: Iterator[float]) -> Any:
    return [shaped(v, numbers) for v in value] if isinstance(value, list) else next(numbers)


def reference(name: str, point: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Value and gradient of a sample, rounded once from 80 digits."""
    f, h = REFERENCES[name], mpf(10) ** -25
    at = {key: exact(value) for key, value in point.items()}

    def slope(key: str, place: tuple[int, ...]) -> float:
        ends = [f(**{**at, key: moved(at[key], place, by)}) for by in (h, -h)]
        return float((ends[0] - ends[1]) / (2 * h))

    names = [key for key in at if key not in WHOLE.get(name, ())]
    return float(f(**at)), {key: shaped(point[key], (slope(key, place) for place in places(at[key]))) for key in names}


def write() -> None:
    """Put the reference numbers into the headers."""
    for path in sorted(SAMPLES.glob("*.adl")):
        text = re.sub(r"^# (value|gradient): .*\n", "", path.read_text(), flags=re.M)
        value, gradient = reference(path.stem, header(text)["point"])
        slopes = ", ".join(f"{key} = {json.dumps(v)}" for key, v in gradient.items())
        path.write_text(re.sub(r"^(# point: .*\n)", rf"\1# value: {value!r}\n# gradient: {slopes}\n", text, flags=re.M))


if __name__ == "__main__":
    write()
