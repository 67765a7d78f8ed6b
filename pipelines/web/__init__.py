"""The way to a server, whichever it is: used by Kaggle's room and by the course's downloads.

Read in this order: `addresses` (how one is shown, whatever secret it holds; what is wrong with a proxy or its
certificates), `failures` (a request that got no whole answer, in plain words), `patience` (time limits, and when to ask
again), `transport` (bytes over the line).
"""
