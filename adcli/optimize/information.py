"""What a Hessian at a minimum says of the parameters: its inverse, and the directions along which it is flat."""

from __future__ import annotations

from typing import Any

import numpy as np

EPS = float(np.finfo(float).eps)


class Information:
    """A symmetric matrix, shape [n, n], scaled to a unit diagonal, by its eigenvalues.

    At the minimum of a negative log-likelihood it is the observed information, and its inverse the covariance of the parameters
    (Efron and Hinkley, Biometrika 65, 1978). positive: whether no direction leads down; null: directions along which it is flat.
    """

    def __init__(self, hessian: Any) -> None:
        diagonal = np.abs(np.diag(hessian))
        self.scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        self.values, self.vectors = np.linalg.eigh(hessian / np.outer(self.scale, self.scale))
        most = float(np.abs(self.values).max(initial=0.0))
        self._seen = np.abs(self.values) > len(diagonal) * EPS * most if most > 0 else np.zeros(len(diagonal), bool)
        self.positive = bool((self.values[self._seen] > 0).all())

    @property
    def rank(self) -> int:
        return int(self._seen.sum())

    @property
    def null(self) -> Any:
        """Unit vectors of the scaled parameters, shape [n - rank, n]."""
        return self.vectors[:, ~self._seen].T

    @property
    def condition(self) -> float:
        """As that of a Jacobian: the root of the matrix's own, which is of squares."""
        if not len(self.values):
            return 1.0
        return float(np.sqrt(np.abs(self.values).max() / np.abs(self.values).min())) if self._seen.all() else float("inf")

    def inverse(self) -> Any:
        """The inverse over the directions that are not flat; shape [n, n]."""
        half = self.vectors[:, self._seen] / self.scale[:, None]
        return (half / self.values[self._seen]) @ half.T
