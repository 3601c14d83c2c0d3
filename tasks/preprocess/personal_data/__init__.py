"""Personal data in a text: found, and replaced by typed placeholders such as ``<email>``.

One module a kind, each a small function from a candidate to a span or nothing; ``finding`` scans
for the candidates and ``replacing`` puts the placeholders in. Names of people are not covered:
they need a model for each language, and those are large, or not to be had without a download.
"""
