"""A node that answers and proves for others: an HTTP API as OpenAI's clients expect it, jobs that survive
whatever ends the process, and requests of a settlement contract answered for their rewards. `zkllm serve
--help`, docs/service.md.
"""
