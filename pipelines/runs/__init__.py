"""What a run leaves, and what is done with it.

- `folder`: where it lies, its name, its lock; all runs of a competition.
- `keeping`: what is finished goes into the folder at once, and is found again; `jobs` holds the parts of that.
- `tensors`: files of tensors that know their own hash.
- `checkpoints`: trainings that have not come to their end.
- `predictions`: what a run said of each row.
- `commands`: the commands `runs` and `compare`; `history` holds what they do.
"""
