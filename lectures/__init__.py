"""The course, one small file a lecture: data, model, criterion and optimizer for the loop of `pipelines.training`.

Read `lecture_03_gradient_descent`, `lecture_05_linear_regression` and `lecture_09_mnist` first, then any other, in the
order of the numbers. What they share lies in `course`, mistakes beside what is right in `mistakes`; `commands` puts all
of it on the command line. The lectures use `pipelines`, which knows nothing of them.
"""
