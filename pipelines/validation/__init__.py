"""What a score is worth: every row is scored by networks that have not seen it.

Read in this order: `splits` (folds), `crossval` (jobs, encoders inside the fold, predictions), `results` (pooled and
scored). Then what they call: `conditions` (what has to hold first), `groups` (jobs into programs), `estimators`
(variants that are no networks, in the same folds), `baselines`, `blend`, `forecast`.
"""
