"""The way to Kaggle and back.

Read in this order: `errors` and `refusals` (what goes wrong, in plain words), `credentials` (all that a computer has),
`client` (the calls: time limits, the second credential), `download` (the files into data/<slug>/), `board` (all teams,
and our runs beside them), `scores` (the verdict, the table), `upload` (one csv, one submission), `doctor` (what stands
in the way), `commands` (data, submit, scores, doctor), `remote` (a run on Kaggle's machines, and back).
"""
