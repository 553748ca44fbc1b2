"""The GPT-2 family: its configuration, and the operations that prove it."""
