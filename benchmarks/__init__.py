"""Side-by-side timings: each table against named peers, in one run, with spread."""
