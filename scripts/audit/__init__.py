"""slither and halmos on the contracts: docs/audit.md. Runs in their environment, which has no zkllm."""
