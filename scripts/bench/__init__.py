"""What proofs cost, on this machine: docs/benchmarks.md."""
