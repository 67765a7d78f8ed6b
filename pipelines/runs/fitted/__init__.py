"""Fitted encoders and estimators in files that run nothing when they are read (skops' form: JSON and arrays in a zip).

- `files`: one to bytes and back, with a digest.
- `models`: a run's encoders, networks and estimators.
- `stand_ins`: what skops does not take, or takes long for: pandas' frames, torch's tensors, vocabularies.
- `trusted`: which classes and functions a file may name.
- `sound`: trees that were read lead to nodes and columns that are there.
"""
