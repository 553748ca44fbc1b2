"""One small fault at a time, which the tests that concern it have to notice. docs/mutants.md."""
