"""
How fast rmqsync is, as ratios to what the same work costs bare.

    python -m bench                     # every case, on a broker of its own
    python -m bench plan apply          # some of them
    python -m bench --generation r310

Every figure is a ratio to something measured in the same run, a count, or a time that no other
machine would change much: the sides of a ratio take turns, and medians are compared. The broker is
a real one, by `tests.brokers`; the definitions are generated (`generate`).
"""
