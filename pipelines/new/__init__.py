"""A competition's files -> its folder: what `python -m pipelines new` does.

Read in this order: `look` (which tables there are), `roles` (which is which; id and target), `task` (classes or a
number, and the metric), `split` (groups, time), `columns` (what each column holds), `schema` (a line of Python for
each), `text` and `sample` (the folder's files), `commands` (the command, what it prints, and the folder,
written whole or not at all). What draws the made rows is `pipelines/made.py`, which the written folder uses.
"""
