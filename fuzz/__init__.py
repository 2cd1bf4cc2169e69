"""Fuzzing of what reads bytes or text that others write. One target a file, each with `seeds` and `run`.

`run` takes any bytes and raises nothing, or it has found a fault. `python -m fuzz.run` drives the targets with atheris;
tests/test_fuzz.py drives the same functions a little on every test run.
"""

TARGETS = ("json_body", "form", "answer", "rule_files", "spans", "heads", "coding")
