"""Sums of the rows of a product, taken before the product rather than after it.

    p = matmul a, b;  n = neg p;  s = sum_to n, d        →        t = sum_to a, k;  m = matmul t, b;  s = neg m

A row that is broadcast over a matrix, as a mean that is taken from all points is, has such an adjoint; dead code then takes the product
away, if nothing else reads it.
"""
from __future__ import annotations

from adcli.ir.build import Builder
from adcli.ir.nodes import Block, Function, Let
from adcli.ir.walk import all_blocks, functions


def sum_first(entry: Function) -> None:
    """Change the program in place."""
    for f in functions(entry):
        for block in all_blocks(f.body):
            _block(block)


def _block(block: Block) -> None:
    products: dict[object, Let] = {}  # what makes a product of two matrices, or the negative of one
    b = Builder(Block())
    for s in block.statements:
        if isinstance(s, Let):
            if (s.op.name == "neg" and s.args[0] in products) or (s.op.name == "matmul" and all(a.type.rank == 2 for a in s.args)):
                products[s.out] = s
            elif s.op.name == "sum_to" and s.out.type.rank == 1 and s.args[0] in products:
                s = _summed(b, s, products)
        b.append(s)
    block.statements[:] = b.block.statements


def _summed(b: Builder, s: Let, products: dict[object, Let]) -> Let:
    """The sum of all rows by way of the factors; as it stands where it may be a sum of something else."""
    signs = []
    made = products[s.args[0]]
    while made.op.name == "neg":
        signs.append(made)
        made = products[made.args[0]]
    left, right = made.args
    if s.out.type.shape != right.type.shape[1:] or None in s.out.type.shape or s.out.type.shape == (1,):
        return s
    row = b.let("sum_to", left, *b.dims(left)[1:])
    found = b.let("matmul", row, right)
    for _ in signs[1:]:
        found = b.let("neg", found)
    return Let(s.out, signs[0].op, (found,), (), s.span) if signs else Let(s.out, made.op, (row, right), (), s.span)
