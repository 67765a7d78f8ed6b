"""Checked frames -> feature frames, and what binds their rows to each other.

Read in this order: `frames` (what a competition makes of its rows), `belonging` (groups, times, equal rows: what folds
keep together), `dealing` (groups to folds). `numerals` reads numbers as people write them.
"""
