# kaggle-homework: `make help` lists what can be made.

PYTHON ?= python3
VENV   ?= .venv
C      ?= titanic
L      ?= all
DATA   ?=
ARGS   ?=

# Windows puts the interpreter of an environment in Scripts, everybody else in bin.
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUN    := $(BIN)/python -m pipelines
INPUT   = $(if $(DATA),--data "$(DATA)")

# In the language of the locale, as the commands: each target's line below is there twice.
CHINESE := $(filter zh%,$(firstword $(LC_ALL) $(LC_MESSAGES) $(LANG)))
OPTIONS := $(if $(CHINESE),选项：,options:)
FILES   := $(if $(CHINESE),数据所在的文件夹,folder with the files)
WAIT    := $(if $(CHINESE),正在安装 PyTorch 等（约需几分钟，其间没有输出）：,installing PyTorch and the rest (some minutes without a word):)
OLD     := $(if $(CHINESE),早于 Python 3.11；请指定更新的版本：,is older than Python 3.11; name a newer one:)
FULL    := $(if $(CHINESE),被系统终止，通常是内存已满：请关闭其他程序，或加上,killed by the system as when memory is full: close other programs or add)

# What the system kills cannot say why; 137 is a shell's word for it.
KILLED  = || { code=$$?; [ $$code -ne 137 ] || \
	echo "$(FULL) ARGS='--memory 500'" >&2; \
	exit $$code; }

.DEFAULT_GOAL := help
.PHONY: help setup titanic otto new run remote cv practice tune report data submit scores doctor lecture exercise notebooks bench gpu-wheels test check lowest lock clean

help: ## show this list ## 显示此列表
	@awk '/^[a-z-]+:.*## / {split($$0, said, " ## "); name = said[1]; sub(/:.*/, "", name); \
		printf "  make %-10s %s\n", name, said[$(if $(CHINESE),3,2)]}' $(MAKEFILE_LIST)
	@echo "  $(OPTIONS) C=titanic  L=07  DATA=$(FILES)  ARGS='--preset best'  PYTHON=python3.12"

setup: $(VENV)/.installed ## make .venv and install what the project needs ## 建好 .venv，安装项目所需的一切

# The lock holds all but torch, whose hash differs from build to build. Nothing here may pull in what is not pinned.
$(VENV)/.installed: pyproject.toml constraints.txt requirements-lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) $(OLD) make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "$(WAIT) $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --no-deps --require-hashes --requirement requirements-lock.txt
	$(PIP) --constraint constraints.txt torch
	$(PIP) --no-deps --editable .
	@touch $@

titanic: setup ## Titanic: from the data to a checked submission ## Titanic：从数据到检查过的提交文件
	$(RUN) run titanic $(INPUT) $(ARGS) $(KILLED)

otto: setup ## Otto: the same for nine classes and 93 counts ## Otto：同样的过程，九个类别、93 个计数
	$(RUN) run otto $(INPUT) $(ARGS) $(KILLED)

new: setup ## write the folder of competition C from its files (DATA=folder or zip; else from Kaggle) ## 由比赛 C 的文件写出它的文件夹（DATA=文件夹或 zip；不写则从 Kaggle 下载）
	$(RUN) new $(C) $(INPUT) $(ARGS)

run: setup ## any competition, by its name C ## 任何比赛，名称写在 C
	$(RUN) run $(C) $(INPUT) $(ARGS) $(KILLED)

remote: setup ## run C on Kaggle's GPU and bring the run and its csv back (docs/remote.md) ## 在 Kaggle 的 GPU 上运行 C，并取回运行和 csv（docs/remote.zh-CN.md）
	$(RUN) run $(C) --on kaggle $(INPUT) $(ARGS)

cv: setup ## cross-validate only, write nothing ## 只做交叉验证，不写提交文件
	$(RUN) cv $(C) $(INPUT) $(ARGS) $(KILLED)

practice: setup ## hide rows of C, forecast the score on them, look, many times (ARGS='--rounds 20 --jobs 2') ## 藏起 C 的一些行，预估其得分，再核对，重复多次（ARGS='--rounds 20 --jobs 2'）
	$(RUN) practice $(C) $(INPUT) $(ARGS) $(KILLED)

tune: setup ## search layers, widths and rates of a network of C (ARGS='--minutes 10') ## 搜索 C 的网络的层数、宽度和学习率（ARGS='--minutes 10'）
	$(RUN) tune $(C) $(INPUT) $(ARGS) $(KILLED)

report: setup ## the newest run of C as a page, opened in the browser (ARGS='--lang zh') ## 在浏览器中打开 C 最新一次运行的网页
	$(RUN) report $(C) $(ARGS)

data: setup ## download the files of C into data/, or verify them ## 把 C 的文件下载到 data/，或加以核对
	$(RUN) data $(C) $(ARGS)

submit: setup ## upload the newest checked csv of C and wait for its score ## 上传 C 最新的、检查过的 csv，等待得分
	$(RUN) submit $(C) $(INPUT) $(ARGS)

scores: setup ## table of submissions: cross-validated, forecast, public, private; a picture by ARGS=--plot ## 提交表：交叉验证、预估、公榜、私榜；ARGS=--plot 另画一张图
	$(RUN) scores $(C) $(ARGS)

doctor: setup ## examine credentials, proxy, versions and the way to Kaggle ## 检查凭据、代理、版本和到 Kaggle 的连接
	$(RUN) doctor $(C) $(ARGS)

lecture: setup ## run lecture L (a number, or all), draw its pictures and a page of them, check its gates ## 运行第 L 讲（编号，或 all），画图并汇总成网页，检查是否达标
	$(RUN) lecture $(L) $(INPUT) $(ARGS)

exercise: setup ## list the exercises, those of a lecture (L=05), or begin and check one (L=05-closure) ## 列出练习，或某一讲的练习（L=05）；开始或检查一题（L=05-closure）
	$(RUN) exercise $(L) $(ARGS)

notebooks: setup ## make docs/notebooks anew, after a change in a lecture's program or in docs/course.md ## 改动某一讲的程序或 docs/course.md 之后，重新生成 docs/notebooks
	$(BIN)/python -m lectures.course.notebooks

test: setup ## run the tests, on up to four cores ## 运行测试，最多用四个核
	$(BIN)/python -m pytest -n auto --maxprocesses 4 $(ARGS)

check: setup ## format, lint, arrows between rooms, types and tests: what CI runs ## 格式、lint、房间之间的箭头、类型和测试：与 CI 相同
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -n auto --maxprocesses 4

lowest: ## run the tests with the lowest versions that pyproject.toml declares, in .venv-lowest ## 用 pyproject.toml 声明的最低版本运行测试，环境在 .venv-lowest
	PYTHON=$(PYTHON) .ci/lowest $(VENV)-lowest -n auto --maxprocesses 4 $(ARGS)

lock: setup ## resolve all versions anew, after a change in pyproject.toml or constraints.txt ## 改动 pyproject.toml 或 constraints.txt 之后，重新确定所有版本
	.ci/lock $(VENV)

bench: setup ## time ours beside named peers, write docs/benchmarks.md (ARGS='--data FOLDER' for Otto's scores) ## 与同类工具比较用时，写出 docs/benchmarks.md（ARGS='--data FOLDER' 另比 Otto 的得分）
	$(PIP) --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks $(ARGS)

gpu-wheels: setup ## what a machine with a GPU, torch, pandas and scikit-learn may lack for `python -m benchmarks gpu` ## 有 GPU、torch、pandas 和 scikit-learn 的机器运行 `python -m benchmarks gpu` 还可能缺的包
	rm -rf gpu-wheels
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
		--python-version $(or $(GPU_PYTHON),3.12) --implementation cp --platform manylinux_2_28_x86_64 \
		--platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
		--requirement benchmarks/gpu/wheels.txt --dest gpu-wheels
	@du -sh gpu-wheels

clean: ## remove .venv and caches; data and submissions stay ## 删除 .venv 和各种缓存；数据和提交文件保留
	rm -rf $(VENV) $(VENV)-lowest .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
