"""Makes a notebook of each lecture's program: `python -m lectures.course.notebooks`, or `make notebooks`.

jupytext cuts the program into cells; what the course's pages say of it stands before them, in both languages, the rest
of the lecture behind. Same program, same pages: same bytes.
"""

import re
from pathlib import Path

from lectures.course.data_cell import data_cell
from lectures.course.fetching import CHECKSUMS
from lectures.course.program import FOLDER
from pipelines.files import write_whole
from pipelines.report.console import say

DOCS = FOLDER.parent / "docs"
NOTEBOOKS = DOCS / "notebooks"
PAGES = ("course.md", "course.zh-CN.md")
REPOSITORY = ""  # "owner/name" on GitHub, once it has a place there: then links open the notebooks in Colab and Kaggle
BRANCH = "main"

UPLOAD = """\
To open it in Colab: *File → Upload notebook*; in Kaggle: *Create → New Notebook*, then *File → Import Notebook*. The
cells need nothing of the repository, only torch, NumPy and matplotlib, which are installed there.

在 Colab 中打开：*文件 → 上传笔记本*；在 Kaggle 中打开：*Create → New Notebook*，再选 *File → Import Notebook*。
各格不依赖仓库里的其他文件，只用到 torch、NumPy 和 matplotlib，这两处都已装好。"""
CHANCE = """\
No seed is fixed, so each run gives slightly other numbers than the text; `torch.manual_seed(0)` in a cell of its own,
above the others, makes runs alike.

这里没有固定种子，每次运行的数字会与正文略有出入；在最前面另加一格 `torch.manual_seed(0)`，结果就可以重复。"""
MORE = ("More of lecture {}", "第 {} 讲的其余内容")


def programs() -> list[Path]:
    """The lectures' programs, in the course's order.

    >>> programs()[0].name
    'lecture_02_linear_model.py'
    """
    return sorted(FOLDER.glob("lecture_*.py"))


def links_to_open(name: str, repository: str) -> str:
    """Links that open a notebook of a repository on GitHub ("owner/name") in Colab and in Kaggle.

    >>> print(links_to_open("lecture_05", "a/b").splitlines()[0])  # doctest: +ELLIPSIS
    [![Open in Colab](https://...svg)](https://...com/github/a/b/blob/main/docs/notebooks/lecture_05.ipynb)
    """
    place = f"{repository}/blob/{BRANCH}/docs/notebooks/{name}.ipynb"
    colab, kaggle = "https://colab.research.google.com", "https://kaggle.com"
    return (
        f"[![Open in Colab]({colab}/assets/colab-badge.svg)]({colab}/github/{place})\n"
        f"[![Open in Kaggle]({kaggle}/static/images/open-in-kaggle.svg)]"
        f"({kaggle}/kernels/welcome?src=https://github.com/{place})"
    )


def section(page: str, number: str) -> tuple[str, list[str]]:
    """A lecture's heading in a page of `docs`, and its paragraphs; links lead from `docs/notebooks`.

    Raises: LookupError when the page has no such lecture.
    """
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"^## ({int(number)} .+?)\n\n(.+?)\n*(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"docs/{page} has no lecture {int(number)}")
    linked = re.sub(r"\]\((?!https?:|#)", "](../", found[2])
    return found[1], linked.split("\n\n")


def words(program: Path) -> tuple[str, str]:
    """What the pages say of a program, and what they say of its lecture besides; English, then Chinese."""
    before, behind = [], []
    for page, more in zip(PAGES, MORE, strict=True):
        number = program.name.split("_")[1]
        heading, paragraphs = section(page, number)
        of_it = [each for each in paragraphs if f"/{program.name})" in each] or paragraphs
        others = [each for each in paragraphs if each not in of_it]
        before += [f"## {heading}", *of_it]
        behind += [f"## {more.format(int(number))}", *others] if others else []
    return "\n\n".join(before), "\n\n".join(behind)


def code_cells(source: str) -> list[str]:
    """A program's paragraphs, cut by jupytext; its imports are one cell, and so is what belongs to one picture.

    A notebook shows a picture at the end of the cell that begins it: drawing is not cut before `plt.show()`.
    """
    import jupytext

    cells: list[str] = []
    for paragraph in (cell.source for cell in jupytext.reads(source, fmt="py:light").cells):
        if cells and (_is_drawn(cells[-1]) or (_imports(cells[-1]) and _imports(paragraph))):
            cells[-1] += f"\n\n{paragraph}"
        else:
            cells.append(paragraph)
    return cells


def _imports(cell: str) -> bool:
    return all(re.match(r"(import|from) ", line) for line in cell.splitlines() if line)


def _is_drawn(cell: str) -> bool:
    """Whether a picture is begun and not yet shown."""
    calls = re.findall(r"\bplt\.(\w+)\(", cell)
    return bool(calls) and calls[-1] != "show"


def notebook(program: Path) -> bytes:
    """The notebook of a program, without outputs.

    Raises: LookupError when the course's pages do not have its lecture.
    """
    from nbformat import v4, writes

    source = program.read_text(encoding="utf-8")
    title, *cells = code_cells(source)
    before, behind = words(program)
    groups = [group for group in CHECKSUMS if f"/{group}" in source]
    made = [
        v4.new_markdown_cell(opening(title, source, program.stem)),
        v4.new_markdown_cell(before),
        *(v4.new_code_cell(cell) for cell in [*map(data_cell, groups), *cells]),
        *([v4.new_markdown_cell(behind)] if behind else []),
    ]
    for n, cell in enumerate(made):
        cell["id"] = f"cell-{n:02}"  # nbformat's are drawn at random
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return f"{writes(v4.new_notebook(cells=made, metadata=metadata)).rstrip()}\n".encode()


def opening(title: str, source: str, name: str) -> str:
    """The first cell: the title, which is the program's docstring, and how to open the notebook elsewhere."""
    english, _, chinese = title.strip('"').partition(" 第")
    parts = [f"# {english.removesuffix('.')}", f"# 第{chinese.removesuffix('。')}"]
    parts.append(links_to_open(name, REPOSITORY) if REPOSITORY else UPLOAD)
    return "\n\n".join([*parts, CHANCE] if re.search(r"torch\.nn|rand", source) else parts)


def main() -> None:
    """Write the notebook of every program, and remove those whose program is gone."""
    for program in programs():
        write_whole(NOTEBOOKS / f"{program.stem}.ipynb", notebook(program))
    gone = {path.stem: path for path in NOTEBOOKS.glob("*.ipynb")}.keys() - {program.stem for program in programs()}
    for name in sorted(gone):
        (NOTEBOOKS / f"{name}.ipynb").unlink()
    say(f"{len(programs())} notebooks in docs/notebooks")


if __name__ == "__main__":
    main()
