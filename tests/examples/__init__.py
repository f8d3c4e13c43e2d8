"""The example of `examples/`: its files by themselves, and on real brokers."""
