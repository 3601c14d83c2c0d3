"""Tracking: what a stage notes goes to a spool on disk; a side process ships it to MLflow.

So tracking never blocks the work (importing mlflow alone takes longer than most stages here), a
tracking server that is away loses nothing, and both drivers, Prefect and ``dvc repro``, get the
same runs: one parent a build, one nested run a stage.

    spool.py     what a stage appends: parameters, inputs, metrics, texts, figures, its end
    shipment.py  one stage's spool, shipped to one MLflow run
    __main__.py  the side process: ships everything that is spooled, then ends
"""
