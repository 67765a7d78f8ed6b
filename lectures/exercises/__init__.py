"""Exercises: a file with a gap to fill, and what tells right from wrong. In reading order.

- `exercise`: what an exercise is, read from the file that holds its whole answer (`answers`)
- `judging`: compares what a learner's lines give with what they should give; what `checks` are written with
- `checking`: runs a learner's file in a process of its own, where it can do no harm
- `progress`: the learner's folder: files, hints that were read, what was right
- `homework`: Titanic and Otto, by tiers of score
- `commands`: `python -m pipelines exercise`
"""
