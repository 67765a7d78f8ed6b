"""The jobs of a run, one by one: what each depends on, and where it is when it is finished.

- `code`: a hash of somebody's own code, and of whatever it calls.
- `modules`: whose code is whose, and what it imports.
- `fingerprint`: the parts that a trained network depends on; its key.
- `finished`: the files of finished jobs.
- `found`: those that other runs have finished, and why some are not used.
"""
