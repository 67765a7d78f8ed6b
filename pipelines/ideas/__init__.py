"""Does an idea help? Both ways are run on the same folds, and the difference is held against chance.

- `idea`: a file's functions, or further variants, put into a competition.
- `chance`: how large a difference has to be, after so many ideas.
- `ledger`: the ideas that were tried on the same folds.
- `trial`: both ways, one after the other, and what comes of it.
- `commands`: the command `try`.
"""
