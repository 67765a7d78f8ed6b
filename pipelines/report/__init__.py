"""What a person sees.

`console` (lines, bars, plain errors), `lines` (of a run), `curves` (while it trains), `watched` (a run with both).
`options` are those that several commands have.

`process` minds closed streams and signals, `pictures` draws whatever the environment says of matplotlib.
"""
