"""The chat model, small: ``recipes`` makes and measures it, ``__main__`` is the stage."""
