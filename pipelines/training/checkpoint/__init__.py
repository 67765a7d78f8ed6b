"""Training that goes on where it was stopped, and ends in the same bytes.

- `epochs`: which epochs are left, and when what they lead to is kept.
- `state`: everything that training changes, as tensors and JSON, and back.
- `attributes`: what a forward changes beside weights and buffers.
"""
