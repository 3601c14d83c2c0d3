"""Personal data in a text: found, and replaced by typed placeholders such as ``<email>``.

One module a kind, each a small function from a candidate to a span or nothing; ``finding`` scans
for the candidates and ``replacing`` puts the placeholders in. People's names have no form to know
them by: they are found by lists and by the words beside them, two of three, and only on demand. A
model would find more; those are large, and not to be had without a download.
"""
