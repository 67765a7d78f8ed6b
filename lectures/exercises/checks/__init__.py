"""What tells right from wrong: a module per lecture, a function per exercise, which is handed the learner's names.

Each compares with an oracle (torch, NumPy, or numbers of the lecture) on several inputs, and knows the usual slips.
"""
