"""Many honest rounds of practice: how often the forecast's intervals held.

- `rounds`: which rows are hidden in a round, what is forecast without them, what comes of it.
- `kept`: finished rounds, a line each, found again by data, options and code; and what all of them came to.
- `coverage`: how often the intervals held, with the error of that; shift, spread, verdict.
- `picture`: forecast intervals beside outcomes.
- `lines`: all of it in plain lines.
- `commands`: the command `practice`.
"""
