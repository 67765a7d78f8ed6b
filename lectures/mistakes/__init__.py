"""Mistakes of the homework: the wrong lines and the right ones, run and measured as they are shown.

Read `gallery` first, which lists and finds them; then `of_files` (what is handed in), `of_features` (what is learned
from rows), `of_networks` (what a network is and is asked for), `of_training` (the cycle); `commands` shows them.
"""
