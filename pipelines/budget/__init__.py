"""A run of so many minutes: the best submission that the time allows.

Read in this order: `deadline` (what is left of the time), `within` (what is trained next, until nothing fits any more),
`gains` (what that may be worth), `seconds` (how long it may take), `earlier` (both, as earlier runs measured them),
`gathered` (what is finished, by units: one seed of one variant in all folds).
"""
