"""A run of so many minutes: the best submission that the time allows.

Read in this order: `within` (units are trained until nothing fits any more), `deadline` (what is left of the time),
`start` (what is first), `order` (what is next), `candidates` (what may be), `gains` (what that may be worth), `seconds`
(how long it may take), `earlier` (both, as earlier runs measured them), `gathered` (what is finished, by units).
"""
