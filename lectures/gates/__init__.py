"""What each lecture must show: a file beside each program of the room above, with its gates, comparisons and pictures.

Where a lecture has a program, it is run and its numbers are looked at; what is compared (optimizers, activations,
depths, blocks) is trained by the shared loop of `pipelines.training`.
"""
