"""The corpus's page: what is in it, what was removed and why, and what differs between two of it.

Only columns that are asked for are read, a few thousand rows at a time, so that a corpus larger
than memory has a page too. Nothing here prints: see ``chatwright/commands/corpus.py``.
"""
