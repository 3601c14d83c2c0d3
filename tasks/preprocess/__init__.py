"""The stage ``preprocess``: the corpus clean, without duplicates, split for good."""
