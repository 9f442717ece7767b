"""Sums of the rows of a product, taken before the product rather than after it.

    p = matmul a, b;  n = neg p;  s = sum_to n, d        →        t = sum_to a, k;  m = matmul t, b;  s = neg m

A row that is broadcast over a matrix, as a mean that is taken from all points is, has such an adjoint; dead code then takes the product
away, if nothing else reads it.
"""
from __future__ import annotations

from dataclasses import replace

from adcli.ir.build import Builder
from adcli.ir.nodes import Block, Function, Let, Var
from adcli.ir.walk import all_blocks, functions


def sum_first(entry: Function) -> None:
    """Change the program in place."""
    for f in functions(entry):
        for block in all_blocks(f.body):
            products = {s.out: s for s in block.statements if type(s) is Let and s.op.name == "matmul" and _matrices(s)}
            if products:
                _block(block, products)


def _matrices(s: Let) -> bool:
    return all(a.type.rank == 2 for a in s.args)


def _block(block: Block, products: dict[Var, Let]) -> None:
    negatives: dict[Var, Let] = {}  # of products
    b = Builder(Block())
    for s in block.statements:
        if isinstance(s, Let):
            x = s.args[0] if s.args else None
            if s.op.name == "neg" and x in products:
                negatives[s.out] = s
            elif s.op.name == "sum_to" and s.out.type.rank == 1 and isinstance(x, Var) and (x in products or x in negatives):
                s = _summed(b, s, products, negatives.get(x))
        b.append(s)
    block.statements[:] = b.block.statements


def _summed(b: Builder, s: Let, products: dict[Var, Let], negative: Let | None) -> Let:
    """The sum of all rows by way of the factors; as it stands where it may be a sum of something else."""
    made = s.args[0] if negative is None else negative.args[0]
    assert isinstance(made, Var)
    left, right = products[made].args
    if s.out.type.shape != right.type.shape[1:] or None in s.out.type.shape or s.out.type.shape == (1,):
        return s
    product = replace(products[made], out=s.out, args=(b.let("sum_to", left, *b.dims(left)[1:]), right), span=s.span)
    if negative is None:
        return product
    return replace(negative, out=s.out, args=(b.emit(product.op, product.args, (), s.span),), span=s.span)
