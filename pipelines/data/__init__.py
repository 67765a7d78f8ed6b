"""csv bytes -> checked frames -> arrays.

Read in this order: `sources` (where the files come from), `strict_csv` (bytes to a frame, or one error), `tables` (the
competition's files, checked), `encoders` (frames to arrays, learned inside the fold). Then what they call:
`agreement` (the files against each other), `complaints` (what is wrong, in plain words), and the data folder itself:
`manifest`, `folders`, `archives`.
"""
