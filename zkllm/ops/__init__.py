"""One module an operation of the model: its witness tensors and its argument.

An operation owns its tensors: `declare` gives each its axes, width and lookup, the array of the model or of
an execution that it is made from, how near executions come to its range, and the part of the model that it
belongs to. It contributes equations to the zero-check (`equations`), sums to the product sumcheck
(`products`) and linear claims (`claims`), and says what they cost (`work`). None of them knows who runs the
text, nor a configuration: a family of models gives each its numbers (`zkllm/gpt2/description.py`).
The integer semantics are in `zkllm/model/reference.py`, function by function.
"""
