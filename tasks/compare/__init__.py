"""The comparison a teacher would show: each line of language models on the same text.

rivals.py    who takes part, and how large each is
measures.py  what each is measured by
contest.py   trains and measures one after the other, and keeps what is done
result.py    what came out for one of them
runs.py      their runs in MLflow, side by side under one
table.py     what came out
"""
