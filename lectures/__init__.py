"""The course: a lecture's program, as a learner could have typed it, in a file of its own.

Read `lecture_05_linear_regression` first, then any other, in the order of the numbers. What a lecture must show
beyond its program (gates, comparisons, pictures) lies in `gates`, what lectures share in `course`, mistakes beside
what is right in `mistakes`, files with a gap to fill in `exercises`; `commands` puts all of it on the command line.
The lectures use `pipelines`, which knows nothing of them; the programs use torch alone.
"""
