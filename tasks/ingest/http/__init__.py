"""Pages from servers that are not ours: politely, within limits, and not from just anywhere."""
