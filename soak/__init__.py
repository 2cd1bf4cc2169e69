"""A long run of mixed traffic against a real sidecar, whose memory, descriptors and threads must come back to where they were.

Not in `benchmarks/`: `make bench` runs whatever stands there, and this takes twenty minutes. `python -m soak --help`.
"""
