"""A working image API without a model, for quickstart and tests."""
