"""The catalogue holds every sentence of the code, and a text comes out as its translation, data untouched."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.errors import DataError, HomeworkError, TrainingWarning
from pipelines.language import po
from pipelines.language.catalogue import FILES, Catalogue, chinese, translated
from pipelines.language.choice import known, language, of_locale, shown, shown_in
from pipelines.language.extract import CATALOGUES, entries, said_by
from pipelines.language.templates import COLUMN, FIELD, fields, plain

ROOT = Path(__file__).resolve().parents[2]
WHOLE = ["zh_CN.po", "zh_CN.lectures.po"]


@pytest.fixture(scope="module", params=WHOLE)
def catalogue(request):
    path = FILES / request.param
    return (
        request.param,
        list(po.read(path.read_text(encoding="utf-8"))),
        {each.said for each in entries(request.param)},
    )


def test_every_sentence_of_the_code_has_its_chinese_and_no_entry_is_without_a_sentence(catalogue):
    name, there, said = catalogue
    assert len(there) == len({each for each, _ in there}), "an entry stands twice"
    assert sorted(said - {each for each, _ in there}) == [], f"python -m pipelines.language.extract adds them to {name}"
    assert sorted({each for each, _ in there} - said) == [], "no code says this any more"
    assert [each for each, chinese in there if not chinese] == []


def test_a_translation_has_the_fields_and_the_columns_of_its_sentence(catalogue):
    _, there, _ = catalogue
    assert [each for each, chinese in there if fields(each) != fields(chinese)] == []
    assert [each for each, chinese in there if each.count(COLUMN) != chinese.count(COLUMN)] == []
    without = [each for each, chinese in there if re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", FIELD.sub("", chinese))]
    assert without == []


def test_babel_reads_the_same():
    pofile = pytest.importorskip("babel.messages.pofile")
    for name in CATALOGUES:
        text = (FILES / name).read_text(encoding="utf-8")
        with (FILES / name).open("rb") as file:
            read = pofile.read_po(file)
        assert dict(po.read(text)) == {each.id: each.string for each in read if each.id}


ODD = (
    "data/my files/train set.csv",
    "C:\\Users\\O'Brien\\a b.csv",
    "Mr._James_(Jr.)",
    "12,345.5",
    "-0.5",
    "日本語.csv",
)
BARE = ("train.csv", "Fare", "12,345", "-0.5", "日本語.csv", "O'Brien")  # where blanks alone part two fields
HARD = {"data: {0}", "mean of {0}"}  # which "data: {0}, {1}" and "mean of {0} ({1})" are, too


def _words(text):
    """The words, whether or not a blank stands between Chinese and a Latin one."""
    return re.sub(r"(?<=[\u4e00-\u9fff]) (?=[!-~])", "", text).split()


def test_whatever_stands_in_the_fields_comes_through(catalogue):
    """Each template with odd names and numbers in its fields: exactly its translation, with the same."""
    wrong = []
    for said, shown_as in catalogue[1]:
        if not FIELD.search(said) or said in HARD:
            continue
        odd = BARE if re.search(r"\} \{|\}, \{", said) else ODD
        for turn in range(len(odd)):
            values = {name: odd[(int(name) + turn) % len(odd)] for name in fields(said)}
            text, wanted = (plain(FIELD.sub(lambda found, v=values: v[found[1]], each)) for each in (said, shown_as))
            found = chinese().line(text, part=True)
            if _words(found) != _words(wanted):  # a column is where the English one was
                wrong.append((said, text, found))
    assert wrong == []


DATA = [
    "Kelly, Mr. James", "Braund, Mr. Owen Harris", "892,0", "PassengerId,Survived", "score", "none", "rows", "a b  c d",
    "runs/titanic/20261126-101010-fast", "submissions/of rows/to be.csv", "1.5 ± 0.2", "House of Cards", "=1+1",
    '{"note": "nothing was written"}', "<script>alert(1)</script>", "", " ",
]  # fmt: skip


@pytest.mark.parametrize("text", DATA)
def test_data_that_is_said_alone_comes_through(text):
    assert translated(text, "zh") == text


NAMES = [
    "rows",
    "score",
    "none",
    "House of Cards",
    "in training data",
    "warning: x",
    "a of b to c",
    "and 3",
    "Braund, Mr. Owen",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_sentence_is_no_sentence(name):
    assert translated(f"there is no file {name}", "zh") == f"没有文件 {name}"
    assert translated(f"  {name:<26}0.8123 ± 0.0123   +0.0100 ± 0.0050", "zh") == (
        f"  {name:<26}0.8123 ± 0.0123   +0.0100 ± 0.0050"
    )


FOREIGN = """disk is full
file of 3 rows
rows = 3
rows of data
model and data
This competition is closed
404 Client Error: Not Found for url: https://www.kaggle.com/api/v1/competitions/titanic
403 Client Error: Forbidden for url: https://www.kaggle.com/api
You must accept this competition's rules before you'll be able to download files.
Submission not allowed: You have reached your submission limit for today
Evaluation Exception: Submission must have 418 rows
Your submission has 3 rows and 2 columns
CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 8.00 GiB total capacity)
Expected all tensors to be on the same device, but found at least two devices, cpu and cuda:0!
size mismatch for fc.weight: copying a param with shape torch.Size([1, 8]) from checkpoint, the shape in model is 3
mat1 and mat2 shapes cannot be multiplied (64x10 and 8x1)
target 10 is out of bounds
element 0 of tensors does not require grad and does not have a grad_fn
Error tokenizing data. C error: Expected 3 fields in line 4, saw 5
Length of values (3) does not match length of index (5)
Usecols do not match columns, columns expected but not found: ['x']
Temporary failure in name resolution
'NoneType' object is not callable""".splitlines()
BEFORE = {"": "", "error: ": "错误：", "warning: ": "警告：", "error: Kaggle said: ": "错误：Kaggle said: "}


@pytest.mark.parametrize("text", FOREIGN)
def test_a_sentence_of_another_program_comes_through(text):
    assert [translated(before + text, "zh") for before in BEFORE] == [before + text for before in BEFORE.values()]


SAID = {
    "there is no file x.csv": "没有文件 x.csv",
    "error: there is no file x.csv\n  what to do: look\n  怎么办: 请查看": "错误：没有文件 x.csv\n怎么办：请查看",
    "warning: something that nobody has translated": "警告：something that nobody has translated",
    "interrupted; the submission is written: a of b.csv": "已中断；提交文件已写出：a of b.csv",
    "  majority class            0.6162 ± 0.0163   +0.2159 ± 0.0196": (
        "  多数类                    0.6162 ± 0.0163   +0.2159 ± 0.0196"
    ),
    "accuracy, out of fold       0.8321 ± 0.0125": "accuracy，折外              0.8321 ± 0.0125",
    "titanic: 2 folds x 1 seed = 2 networks, 5 epochs each, on cpu; 3 estimators in 2 folds": (
        "titanic：2 折 × 1 个种子 = 2 个网络，每个 5 轮，设备 cpu；2 折，3 个估计器"
    ),
    "data: folder, data/titanic": "数据：文件夹，data/titanic",
    "  (418 test rows; shifted as 9 published models were)": "  （418 个测试行；已按 9 个公开模型的情况偏移）",
    "  (179 hidden rows)": "  （179 个隐藏的行）",
    "accuracy over 891 rows      A 0.8418   B 0.8328": "accuracy，共 891 行         A 0.8418   B 0.8328",
    "error: 900 folds do not fit: the smallest class has 259 rows": "错误：900 折太多：最小的类别有 259 行",
    "row id:  Id (in train.csv, test.csv and sample.csv; no value twice)": (
        "行 id：  Id（在 train.csv、test.csv 和 sample.csv 中；没有重复取值）"
    ),
    "target:  Survived: 2 classes": "目标：   Survived：2 个类别",
    "columns: 10: 5 numbers, 2 categories, 3 texts": "列：10：5 列数值，2 列类别，3 列文本",
    "assumed: metric accuracy: the sample submission holds labels (else --metric NAME)": (
        "假设：指标 accuracy：示例提交文件中是标签（否则 --metric NAME）"
    ),
    "error: a.csv lacks column 'x'; has unknown column 'y'; 4 missing and 5 unknown in all": (
        "错误：a.csv 缺少列 'x'；含有未知的列 'y'；共缺少 4 列，多出 5 列"
    ),
    "error: a.zip is damaged: File is not a zip file": "错误：a.zip 已损坏：不是 zip 文件",
    "error: a.csv is a PDF, where a plain csv file belongs": "错误：a.csv 是 PDF 文件，而这里应是普通的 csv 文件",
    "error: a.csv is UTF-16 text, where a plain csv file belongs": (
        "错误：a.csv 是 UTF-16 文本，而这里应是普通的 csv 文件"
    ),
    "error: Recipe: patience must be None or a whole number, 1 or more, less than 5, got 7": (
        "错误：Recipe：patience 必须是 None 或不小于 1、小于 5 的整数，现为 7"
    ),
    "-- try: add_features of deck.py": "-- 尝试：deck.py 的 add_features",
    "not told apart: +0.0034 ± 0.0255 accuracy, 1 of 3 folds better; 2.0 errors are needed": (
        "无法区分：+0.0034 ± 0.0255 accuracy，3 折中有 1 折更好；需要 2.0 个标准误才能区分"
    ),
    "error: add_features of titanic fails: KeyError: 'Fares', deck.py, line 2": (
        "错误：titanic 的 add_features 出错：KeyError：'Fares'（deck.py 第 2 行）"
    ),
    "warning: a.csv and b.csv: no row has id 7, nor 3 others from 1 to 9: were rows lost?": (
        "警告：a.csv 和 b.csv：没有 id 为 7 的行，1 到 9 之间另有 3 个也没有：是否丢失了行？"
    ),
    "no row has id 7, nor 3 others from 1 to 9": "没有 id 为 7 的行，1 到 9 之间另有 3 个也没有",
    "line 3 ('x'), line 5 ('y') and 4 more; problems in 'Age' too": (
        "第 3 行（'x'），第 5 行（'y'）等，另有 4 个；'Age' 也有问题"
    ),
    "'nothing' is no competition, and no run in runs": "'nothing' 不是比赛，也不是 runs 中的运行",
    "one line\n  note: no public score is shown": "one line\n  提示：没有显示公榜分数",
}


@pytest.mark.parametrize("said", SAID)
def test_what_is_said_comes_out_in_chinese(said):
    assert translated(said, "zh") == SAID[said]
    assert translated(said) == translated(said, "en") == said
    with shown_in("zh"):
        assert translated(said) == SAID[said]


def test_columns_stay_where_they_are_and_fields_may_change_their_order():
    own = Catalogue(
        {"{0} rows out of {1}": "{1} 共 {0} 行", "what  {0} of {1}": "什么  {1} 的 {0}", "ab {{b}}": "乙 {{b}}"}
    )
    assert own.text("12 rows out of the {0} file") == "the {0} file 共 12 行"
    assert own.text("what      3 of 5") == "什么      5 的 3"
    assert own.text("ab {b}") == "乙 {b}"


def test_english_reads_no_catalogue():
    code = (
        "from pipelines.language import catalogue; from pipelines.report.console import say;"
        "say('there is no file x'); print(catalogue.chinese.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", cwd=ROOT)
    assert done.stdout == "there is no file x\n0\n", done.stderr


def test_errors_and_warnings_keep_their_english(recwarn):
    with shown_in("zh"):
        error = DataError("there is no file x", "look", "请查看")
        assert str(error) == "there is no file x\n  what to do: look\n  怎么办: 请查看"
        assert str(TrainingWarning("a", "b", "丙")) == "a\n  what to do: b\n  怎么办: 丙"


def test_what_is_said_is_found_in_the_code():
    code = '''
def f(n: "int of sorts", path):
    """No sentence of ours."""
    if path == "not looked at":
        raise DataError(f"{n:,} rows of {path!r}", "do this now", "请这样做")
    say("done")
    words("some english text", "中文")
    yield f"{'a table':<20}{n} cell{'s' * (n != 1)}" + (f", {n} more" if n else "")
    re.compile("looks for this")
'''
    assert sorted(said_by(code)) == [
        "a table  {0} cell", "a table  {0} cell, {1} more", "a table  {0} cells", "a table  {0} cells, {1} more",
        "done", "{0} rows of {1}",
    ]  # fmt: skip


LOCALES = {
    "zh_CN.UTF-8": "zh", "zh-CN": "zh", "zh": "zh", "ZH": "zh", "zh_TW.UTF-8": "zh", "EN": "en", "en_US": "en",
    "en-GB.UTF-8": "en", " en ": "en", "de": None, "zhuang": None, "english": None, "": None,
}  # fmt: skip


@pytest.mark.parametrize("written", LOCALES)
def test_a_language_is_known_however_it_is_written(written):
    assert known(written) == LOCALES[written]


def test_the_language_is_that_of_the_command_else_of_the_program_else_of_the_locale(monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert (of_locale(), language(None), language("EN")) == ("zh", "zh", "en")
    with shown_in("en"):
        assert (language(None), language("zh-CN")) == ("en", "zh")
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert (of_locale(), shown.language) == ("en", None)


def test_nothing_of_the_catalogue_is_loaded_twice():
    assert chinese() is chinese()


LABEL = re.compile(r'(?:label|title|_title|_[xyz]?label)\(?=?"([^"]+)"')


def test_what_a_lectures_program_writes_on_its_pictures_is_known():
    """The program is a learner's code and stays as it is; the pictures that `lecture` keeps of it are translated."""
    programs = sorted((ROOT / "lectures").glob("lecture_*.py"))
    labels = {label for path in programs for label in LABEL.findall(path.read_text(encoding="utf-8"))}
    assert {"epoch", "hours", "cross entropy per name", "loss (MSE)", "Name classifier"} <= labels
    words = {label for label in labels if re.search("[a-z]{3}", label)} | {"training", "test"}
    assert sorted(label for label in words if not re.search(r"[\u4e00-\u9fff]", translated(label, "zh"))) == [
        "Inception"
    ]


def test_names_in_a_chinese_next_step_are_listed_as_in_chinese_and_code_stays():
    hint = "请把 train.csv, test.csv, ... 放入 data，或写 f(a, b)、`x, y` 与 [0, 1]"
    assert HomeworkError("a", "b", hint).hint_zh == (
        "请把 train.csv、test.csv 等 放入 data，或写 f(a, b)、`x, y` 与 [0, 1]"
    )
