"""Sets of sentences come in; they are sent through a sidecar, and what became of them goes out: figures, plots, one page.

Sends what the plan lists and nothing else. Keeps no key, and no picture unless told to.
"""
