"""What a run leaves, and what is done with it.

- `folder`: where it lies, its name, its lock; all runs of a competition.
- `tensors`: files of tensors that know their own hash.
- `checkpoints`: trainings that have not come to their end.
- `predictions`: what a run said of each row.
"""
