"""The public leaderboard, and our runs beside it.

`leaderboard` (whole, asked for once a day), `percentile` (how many teams a score beats), `marks` (one for each run:
what it forecast and what came), `picture` (the marks, drawn), `show` (what the command
`scores` shows of both).
"""
