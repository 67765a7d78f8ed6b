"""`pipelines.run(...)` for notebooks: a run whose first screen is shown, and which hands out frames.

`call` (the function, with the knobs of the command line), `given` (what it is given, as the knobs have it), `ran` (what
it returns), `frames` (what the run said, as frames), `competing` (the csv where Kaggle's notebooks look for one).
"""
