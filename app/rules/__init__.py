"""The determination engine: pure and free of the product. Facts and a rule set in, explained verdicts out; no I/O."""
