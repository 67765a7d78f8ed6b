"""Colours by what they are for: matplotlib draws with stand-ins, and the page's style sheet says what they are."""

INK, MUTED, PAPER, GRID, GOOD, BAD = (f"#0{n}fe0{n}" for n in range(1, 7))
SERIES = tuple(f"#0{n}ef0{n}" for n in range(1, 9))

CSS = {
    INK: "var(--ink)", MUTED: "var(--muted)", PAPER: "var(--paper)", GRID: "var(--grid)", GOOD: "var(--good)",
    BAD: "var(--bad)",
} | {colour: f"var(--series-{n})" for n, colour in enumerate(SERIES, start=1)}  # fmt: skip
