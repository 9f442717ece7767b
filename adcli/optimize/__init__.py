"""Methods of optimisation on plain functions of a flat vector of floats: they know no programs and no inputs by name.

    trust_region    Newton's method, by the Hessian or by products with it, with bounds
    quasi_newton    L-BFGS-B
    constrained     SLSQP and trust-constr, polished and held against the conditions of a minimum
    roots           Newton's method for equations
    least_squares   sums of squares of residuals with their Jacobian
    descent         steps along the gradient, whose state can be kept and taken up again; first_order descends by them
    smooth          what they are given and give back

What calls them (`adcli.api`) makes such functions of a program, a value, a gradient, a Hessian or its product with a direction being
exact derivatives, and names the numbers again. The only package that imports scipy, and NumPy as it likes: nothing imports it at start-up.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from adcli.errors import UsageError

INSTALL = 'pip install "adcli[optimize]"'


def scipy_optimize() -> ModuleType:
    """The module scipy.optimize; UsageError where scipy is missing."""
    try:
        from scipy import optimize
    except ImportError:
        raise UsageError("this needs scipy, which is not installed", help=INSTALL) from None
    module: ModuleType = optimize
    return module


def scipy_special() -> ModuleType:
    """The module scipy.special; UsageError where scipy is missing."""
    scipy_optimize()
    from scipy import special

    module: ModuleType = special
    return module


def linear_operator(n: int, product: Callable[[Any], Any]) -> Any:
    """An n by n matrix of which only products with vectors are known, as scipy takes it."""
    scipy_optimize()
    from scipy.sparse.linalg import LinearOperator

    return LinearOperator((n, n), matvec=product)
