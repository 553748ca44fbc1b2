"""What a settlement costs on the chain, by function: docs/gas.md."""
