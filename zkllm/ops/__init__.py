"""One module an operation of the model: its witness tensors and its argument.

An operation declares tensors and lookups (`declare`), contributes equations to the zero-check (`equations`),
sums to the product sumcheck (`products`) and linear claims (`claims`). None of them knows who runs the text.
The integer semantics are in `zkllm/model/reference.py`, function by function.
"""
