"""Prove that a language model said something, and settle that on Ethereum."""

__version__ = "0.1.0"
