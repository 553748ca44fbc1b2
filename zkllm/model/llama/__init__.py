"""The Llama family's side of a model: checkpoint, float pass, quantiser, integer program, predicates."""
