"""Lecture 10, convolution, padding and pooling by hand: the program's loops against PyTorch's layers."""

from lectures.course.lecture import Gate, Gates, Lecture, Setting
from lectures.course.program import run_program


def run(setting: Setting) -> Gates:
    """Equality with `Conv2d` and `MaxPool2d`; the weight's shape; each output channel its own kernel, as deep as x."""
    program = run_program(setting, "lecture_10_convolution", picture="10-by-hand-program")
    yield Gate.equal("the weight's shape, (m, n, k, k)", tuple(program.weight.shape), (4, 3, 3, 3))
    for name, difference in program.differences.items():
        yield Gate.at_most(f"{name} by hand and PyTorch's, largest difference", difference, 1e-6)
    yield Gate.equal("padding 1 keeps height and width at kernel 3", tuple(program.padded_conv.shape[1:]), (6, 6))
    alone = program.convolve(program.x, program.weight[2:3], program.bias[2:3])[0]
    difference = (alone - program.conv(program.x)[2]).abs().max().item()
    yield Gate.at_most("output channel 2 from kernel 2 alone, largest difference", difference, 1e-6)


LECTURE = Lecture(
    number="10-by-hand", title="Convolution, padding, pooling by hand", title_zh="手写卷积、填充与池化", run=run
)
