"""csv bytes -> checked frames.

Read in this order: `sources` (where the files come from), `strict_csv` (bytes to a frame, or one error), `declared`
(cells to what the schema declares), `tables` (the competition's files, checked). Then what they call:
`agreement` (the files against each other), `complaints` (what is wrong, in plain words), and where the files lie:
`manifest` (what a folder or zip holds), `folders` (the data folder, replaced whole), `archives` (opened without trust).
"""
