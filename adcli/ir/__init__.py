"""The intermediate representation: nodes, types, a builder, the invariants, printing."""
