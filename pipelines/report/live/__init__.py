"""A run that is not over: what is known of it by now, and who is told.

`parts` (a variant or a baseline so far), `so_far` (all of them, and the time), `progress` (one line of that, on a
terminal, a pipe or in a notebook), `log` (what was said, in the run's folder, as it is said).
"""
