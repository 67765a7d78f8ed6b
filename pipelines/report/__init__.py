"""What a person sees: `console` (lines, bars, plain errors), `lines` (of a run), `curves` (while it trains).

Beneath all rooms: `allowed` (what a setting may be, in words).
"""
