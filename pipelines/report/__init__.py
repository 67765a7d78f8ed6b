"""What a person sees: `console` (lines, bars, plain errors), `lines` (of a run), `curves` (while it trains).

`addresses` shows an address without the secrets in it, and says what is wrong with a proxy.
Beneath all rooms: `allowed` (what a setting may be, in words).
"""
