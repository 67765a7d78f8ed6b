"""Whether a score can be believed: tried before a leaderboard does it.

`practice` hides training rows and scores on them; `leaks` sees whether the files were parted as the folds are;
`importance` asks which columns matter to what was trained; `hardest` looks at the rows that are predicted worst.
"""
