"""Predictions -> a checked csv with its record.

Read in this order: `writer` (the csv, in the form of Kaggle's sample), `linter` (every reason not to upload it),
`record` (what the run found out, as one value), `provenance` (versions, commit, memory), `folder` (names that are
taken once, room, leftovers), `plain` (JSON values, checked), `ledger` (what became of each submission), `candidate`
(which csv goes to Kaggle).
"""
