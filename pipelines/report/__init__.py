"""What a person sees: `console` (lines, bars, plain errors), `lines` (of a run), `curves` (while it trains).

`process` minds closed streams and signals, `pictures` draws whatever the environment says of matplotlib.
"""
