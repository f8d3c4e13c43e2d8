"""`make demo`: two real clusters of different generations brought in line with one repository.

    python -m tests.demo

`story` is what happens, `stage` how it is shown and checked, `workplace` what it happens in. Every
command is the real command line in a process of its own; a step that does not end as it was told
ends the demo with 1. What it starts and writes is gone when it ends, however that is.
"""
