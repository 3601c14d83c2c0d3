"""nanoGPT, litgpt and transformers' Trainer, to be measured beside this project.

Their code is fetched or installed into a cache folder when a benchmark runs, and runs unchanged in
processes of its own: ``install`` brings it, ``contestants`` says how each is started, ``turns``
lets processes train one after the other, so that all meet the same machine.
"""
