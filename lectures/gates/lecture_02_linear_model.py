"""Lecture 2, linear model: the program tries every weight, and looks at the cost."""

import numpy as np

from lectures.course.lecture import Gate, Gates, Lecture, Setting
from lectures.course.program import run_program


def run(setting: Setting) -> Gates:
    """The sweep of w alone, the grid of w and b, and that both tell the same."""
    program = run_program(setting, "lecture_02_linear_model")
    w, b, cost = program.w_grid, program.b_grid, program.mse_grid
    yield Gate.close("w with the least cost, b = 0", program.w_list[int(np.argmin(program.mse_list))], 2, 1e-9)
    yield Gate.close("w with the least cost on the surface", w[program.best], 2, 1e-9)
    yield Gate.close("b with the least cost on the surface", b[program.best], 0, 1e-9)
    without_bias = cost[np.abs(b[:, 0]).argmin()]  # the row of the grid where b = 0
    difference = float(np.abs(without_bias - program.mse_list).max())
    yield Gate.at_most("the whole grid at once less row by row, b = 0, largest difference", difference, 1e-9)


LECTURE = Lecture(number="02", title="Linear model: try every weight", title_zh="线性模型：逐个试权重", run=run)
