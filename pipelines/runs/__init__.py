"""What a run leaves, and what is done with it.

- `folder`: where it lies, its name, its lock; all runs of a competition.
- `keeping`: what is finished goes into the folder at once, and is found again; `jobs` holds the parts of that.
- `fitted`: encoders and estimators in files that run nothing; a run's models.
- `inputs`: training rows, for features that look at other rows.
- `saved`, `predict`: a finished run, and what it says of new rows.
- `tensors`: files of tensors that know their own hash.
- `checkpoints`: trainings that have not come to their end.
- `predictions`: what a run said of each row.
- `commands`: the command `runs`; `history` holds what it does, and what compares two runs.
"""
