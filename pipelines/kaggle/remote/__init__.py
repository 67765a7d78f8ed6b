"""A run on Kaggle's own machines: the project goes up as a private script, the run's folder and csv come back.

Read in this order: `aboard` (the program there; Python's own library is all that it needs), `pack` (what goes up),
`script` (the text of both), `kernels` (the calls), `refusals` (why Kaggle does not take a kernel, or ends it),
`ledger` (what was sent from here), `follow` (state and log), `bring` (what comes back), `away` (`run --on kaggle`).
"""
