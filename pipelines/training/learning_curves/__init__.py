"""Learning curves: the loss of each epoch, on rows that networks train on and on rows that they do not.

- `watch`: what networks say of rows that they do not train on, after each epoch.
- `averages`: the curves of several networks as one, and how far they lie apart.
"""
