"""Corpora: files of prompts in, files of decisions out, on this machine's cores or on a cluster.

Every engine puts each row through the same pure function (`row.decide_row`), so all write the same bytes.
"""

from evenhand.batch.row import BadRow, Columns, decide_row, draw_seed

__all__ = ["BadRow", "Columns", "decide_row", "draw_seed"]
