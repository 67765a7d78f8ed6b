"""Runs side by side.

- `choice`: a run by its name, a beginning of it, or a word: best, newest, previous.
- `compare`: what two runs said of the same rows, and whether they can be told apart.
- `training`: how far the chance of training moves a score.
- `shown`: a comparison as lines.
- `listing`: all runs of a competition, as rows and as a table.
- `pruning`: what of them need not be kept.
"""
