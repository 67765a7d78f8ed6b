"""the gradient of a quadratic model by hand / 手算二次模型的梯度

The notes' homework: the model is y_hat = w1 x² + w2 x + b, the loss (y_hat - y)². Autograd will be asked for the same.

讲义的作业：模型为 y_hat = w1 x² + w2 x + b，损失为 (y_hat - y)²。检查时用自动求导对照。

Task: return the three derivatives of the loss, by w1, by w2 and by b, for one x and y.

任务：对一组 x、y，返回损失对 w1、w2、b 的三个偏导数。

Hint: the chain rule: d loss / d w1 = d loss / d y_hat times d y_hat / d w1.

提示：链式法则：∂loss/∂w1 = ∂loss/∂y_hat · ∂y_hat/∂w1。

Hint: d loss / d y_hat = 2 (y_hat - y), and it is the same for all three.

提示：∂loss/∂y_hat = 2 (y_hat - y)，三个偏导数共用它。

Hint: d y_hat / d w1 = x², d y_hat / d w2 = x, d y_hat / d b = 1.

提示：三个内层导数：∂y_hat/∂w1 = x²，∂y_hat/∂w2 = x，∂y_hat/∂b = 1。

Next: put a ReLU around y_hat. What becomes of the three where y_hat is negative?

试一试：给 y_hat 套上 ReLU。y_hat 为负时，三个偏导数变成什么？
"""


def gradients(w1, w2, b, x, y):
    # --- your lines begin 从这里开始写
    y_hat = w1 * x**2 + w2 * x + b
    outer = 2 * (y_hat - y)
    return outer * x**2, outer * x, outer
    # --- your lines end 写到这里为止
