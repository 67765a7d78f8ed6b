"""Mistakes of the homework, measured beside what is right.

Read `gallery` first, which lists and finds them; then `of_data` (files, encoders, submissions) and `of_training`.
"""
