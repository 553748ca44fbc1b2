"""The inner protocol: one text, run by three interpreters (prover, verifier, circuit builder)."""
