"""Arrays -> trained networks.

Read in this order: `fit` (jobs in, networks out), `together` (which networks go together, and what the loop needs),
`batches` (what the loop goes through), `targets` (criterion and scale), `loop` (forward, backward, update). Then what
makes it fast: `stack` (E networks as one), `noise` (each with chance of its own). Then `early_stopping`, `checks`
(mistakes, named); in rooms of their own `checkpoint` (a stopped training goes on), `learning_curves` (who looks on) and
`estimator`, the scikit-learn face over `fit`.
"""
