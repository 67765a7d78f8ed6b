"""`docs/titanic.ipynb`: ten cells, both languages, without outputs; a clean kernel runs it."""

import re
import warnings
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "titanic.ipynb"
QUICK = "settings = {'data': 'sample', 'folds': 2, 'seeds': 1, 'epochs': 1}"


@pytest.fixture
def notebook():
    return nbformat.read(FILE, as_version=4)


def test_it_has_ten_cells_without_outputs_and_words_in_both_languages(notebook):
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    texts = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    assert len(code) == 10
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * 10
    for number, cell in enumerate(texts[1:], start=1):
        english, chinese = cell.source.split("\n\n")
        assert english.startswith(f"**{number}.** ")
        assert chinese.startswith(f"**{number}.** ")
        assert not re.search(r"[\u4e00-\u9fff]", english)
        assert re.search(r"[\u4e00-\u9fff]", chinese)


def test_a_clean_kernel_runs_it_on_the_sample(notebook, tmp_path, monkeypatch):
    with warnings.catch_warnings(action="ignore"):  # of others' packages
        from nbclient import NotebookClient

        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
        place = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
        notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(QUICK))
        (tmp_path / "work").mkdir()
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path / "work")}}).execute()
    outputs = {cell.source: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    (shown,) = [output for output in outputs["ran"] if output.output_type == "execute_result"]
    score = re.search(r"accuracy (0\.\d{4}) ± 0\.\d{4}", shown.data["text/plain"])[1]
    assert score in shown.data["text/html"]
    (line,) = [
        each.data["text/plain"] for each in outputs['ran = pipelines.run("titanic", **settings)'] if "data" in each
    ]
    assert re.fullmatch(r"2 of 2 networks, \d+ (s|min) in all", line)
    last = outputs["print(pipelines.for_kaggle(ran) or ran.path)"][0].text.strip()
    assert (tmp_path / "work" / last).exists()
    assert not (tmp_path / "work" / "submission.csv").exists()
