"""How many layers, how wide, how fast? Searched, and held against the default on rows that no search has seen.

- `space`: what is searched, around a competition's own network; from parameters to a network in numbers.
- `training`: many candidates of one shape as one program, on one fold after the other.
- `study`: Optuna's study in a file: asked in batches of one shape, by several processes, and after a kill.
- `search`: batch after batch until the time is over; of each the better half sees further folds.
- `kept`: the folder of a search, what it was a search of, and why another one is begun.
- `nested`: outer folds, each with a search of its own; default and tuned network on the rows outside of it.
- `tuning`: all of it in one function, with the minutes shared out.
- `show`: the table of layers, the verdict and the rest in lines; all of it in a picture.
- `commands`: the command `tune`.
"""
