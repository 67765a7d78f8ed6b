"""A whole answer per file, as a learner would write it; the file that a learner begins with is this one, less the gap.

The docstring holds the title, then paragraphs that begin with `Task:`, `Hint:` or `Next:`, each in both languages.
"""
