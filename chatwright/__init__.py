"""Chatwright: a team's own text in, a served assistant out.

This package is the front door: the command line, its errors and its console. It imports the
rooms below it (flows, tasks, serving, model) only when a command needs them.
"""

__version__ = "0.1.0"
