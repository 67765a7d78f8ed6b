"""Commands in Chinese: no English sentence is left, results are the same, and English is as it was."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from pipelines.__main__ import app
from pipelines.language.catalogue import translated
from pipelines.language.choice import shown
from pipelines.report import pictures

RUN = ("run", "titanic", "--data", "sample", "--folds", "2", "--seeds", "1", "--epochs", "1", "--device", "cpu")
# No words: commands, addresses, paths, options, what stands in quotation marks.
NO_WORDS = re.compile(
    r"python -m \w+[^，。；：（）\n]*|make \w+ \w+=\S+|pip install [^，。；\n]*|https?://\S+|\S*/\S*|--?\w[\w-]*|'[^']*'|\"[^\"]*\"|`[^`]*`"
)
ENGLISH = re.compile(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}")


def english(text):
    """Lines of which three words in a row are English."""
    return [line for line in text.splitlines() if ENGLISH.search(NO_WORDS.sub(" · ", line))]


def go(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture(autouse=True)
def plain_locale(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An empty folder in which two runs were made, the first of them told in Chinese."""
    place = tmp_path_factory.mktemp("zh")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(place)
        monkeypatch.setenv("LC_ALL", "C.UTF-8")
        told = go("--lang", "zh", *RUN, "--note", "mine")
        again = go("cv", *RUN[1:], "--epochs", "2", "--importance", "--lang", "zh")
    return place, told, again


@pytest.fixture
def there(place, monkeypatch):
    monkeypatch.chdir(place[0])
    return place[0]


def test_a_run_is_told_in_chinese_and_kept_in_english(place):
    folder, told, again = place
    assert (told.exit_code, again.exit_code) == (0, 0), told.output + again.output
    assert english(told.output + again.output) == []
    lines = told.stdout.splitlines()
    assert (
        lines[0]
        == lines[-1]
        == ("数据：内置示例数据（虚构的行，不是比赛的数据）：得分与 Kaggle 上的成绩无关，由它得到的 csv 不得上传")
    )
    assert lines[1] == "titanic：2 折 × 1 个种子 = 2 个网络，每个 1 轮，设备 cpu"
    assert "哪些列重要                  打乱该列后 accuracy 的损失" in again.stdout
    kept = sorted((folder / "runs" / "titanic").iterdir())
    log = (kept[0] / "log.txt").read_text(encoding="utf-8")
    assert "titanic: 2 folds x 1 seed = 2 networks, 1 epochs each, on cpu" in log
    assert "折" not in log
    assert json.loads((kept[0] / "record.json").read_text(encoding="utf-8"))["note"] == "mine"
    assert 'lang="zh-CN"' in (kept[0] / "report.html").read_text(encoding="utf-8")


COMMANDS = [
    ("runs", "titanic"), ("scores", "titanic", "--offline"), ("compare", "titanic", "previous", "newest"),
    ("runs", "titanic", "--all"), ("runs", "otto"), ("scores", "otto", "--offline"), ("report", "--no-open"),
    ("scores", "titanic", "--plot", "--offline"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_is_kept_is_shown_in_either_language(there, command):
    chinese, plain = go("--lang", "zh", *command), go(*command)
    assert (chinese.exit_code, plain.exit_code) == (0, 0), chinese.output
    assert english(chinese.output) == []
    assert not re.search("[\u4e00-\u9fff]", plain.output)
    assert shown.language is None  # afterwards it is as it was


RESULTS = [
    ("runs", "titanic", "--json"),
    ("scores", "titanic", "--json", "--offline"),
    ("compare", "titanic", "previous", "--json"),
]


@pytest.mark.parametrize("command", RESULTS, ids=" ".join)
def test_results_are_the_same_in_every_language(there, command):
    chinese = go("--lang", "zh", *command)
    assert chinese.stdout == go(*command).stdout
    json.loads(chinese.stdout)


def test_predictions_are_the_same_in_every_language(there):
    (csv,) = (there / "submissions" / "titanic").glob("*.csv")
    rows = there / "none of it.csv"
    from pipelines.data.sources import from_sample
    from pipelines.settings.lookup import load

    rows.write_bytes(from_sample(load("titanic")).files["test.csv"])
    chinese, plain = go("--lang", "zh", "predict", "titanic", rows), go("predict", "titanic", rows)
    assert csv.exists()
    assert chinese.exit_code == 0, chinese.output
    assert chinese.stdout == plain.stdout
    assert (chinese.stderr.startswith("运行："), plain.stderr.startswith("run: ")) == (True, True)
    assert english(chinese.stderr) == []


HELPS = [[], *([name] for name in get_command(app).commands)]


@pytest.mark.parametrize("command", HELPS, ids=" ".join)
def test_help_is_chinese(command):
    told = go("--lang", "zh", *command, "--help")
    assert told.exit_code == 0
    text = re.sub(r"[│╭╮╰╯─]", " ", told.stdout)
    assert english(text) == []
    assert "用法：" in text
    assert "显示此说明并退出。" in text
    plain = go(*command, "--help").stdout
    assert ("Usage: " in plain, "Show this message and exit." in plain) == (True, True)
    assert not re.search("[\u4e00-\u9fff]", plain)


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("command", HELPS, ids=" ".join)
def test_no_help_is_cut_and_no_line_begins_with_a_comma(command, columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    told = go("--lang", "zh", *command, "--help").stdout
    assert "…" not in told
    assert [line for line in told.splitlines() if re.match(r"[│ ]*[，。；：、）]", line)] == []
    if columns == 100:  # where the types have no second line
        whole = re.sub(r"[│ \n]", "", told)
        for option in get_command(app).commands[command[0]].params if command else ():
            assert re.sub(r"[ \n]", "", translated(option.help or "", "zh")) in whole, option.name


NEAREST = {
    ("runs", "titnic"): "titanic",
    ("run", "spaceship_titanc"): "spaceship_titanic",
    ("scores", "titnic", "--offline"): "titanic",
    ("cv", "titanic", "--preset", "bset"): "best",
    ("cv", "titanic", "--variants", "netwrk"): "network",
    ("new", "some-slug", "--metric", "acuracy"): "accuracy",
    ("exercise", "05-closur"): "05-closure",
    ("mistakes", "sofmax"): "softmax",
    ("lecture", "09-mnits"): "09-mnist",
}


@pytest.mark.parametrize("command", NEAREST, ids=" ".join)
def test_a_name_that_is_spelt_wrongly_is_told_the_nearest(there, command):
    plain, chinese = go(*command), go("--lang", "zh", *command)
    assert (plain.exit_code, chinese.exit_code) == (2, 2)
    assert f"\n  what to do: did you mean {NEAREST[command]}? if not: " in plain.stderr
    assert f"\n怎么办：是否要用 {NEAREST[command]}？如果不是，请" in chinese.stderr


def test_scores_of_what_is_no_competition_are_an_error_but_none_yet_is_none(there):
    told = go("--lang", "zh", "scores", "zebra", "--offline")
    assert (told.exit_code, told.stderr.splitlines()[0]) == (
        2,
        "错误：没有比赛 'zebra'；已知：digit_recognizer、house_prices、otto、spaceship_titanic、titanic",
    )
    assert go("scores", "otto", "--offline").exit_code == 0


def test_make_help_is_in_the_language_of_the_locale():
    if (make := shutil.which("make")) is None:
        pytest.skip("no make")
    root = Path(__file__).resolve().parents[2]

    def lines(locale):
        done = subprocess.run(
            [make, "--no-print-directory", "help"], cwd=root, env=os.environ | {"LC_ALL": locale},
            capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
        return done.stdout.splitlines()

    chinese, plain = lines("zh_CN.UTF-8"), lines("C.UTF-8")
    assert [line[:18] for line in chinese[:-1]] == [line[:18] for line in plain[:-1]]
    assert [line for line in chinese if not re.search("[\u4e00-\u9fff]", line)] == []
    assert not re.search("[\u4e00-\u9fff]", "".join(plain))
    assert "  make cv         只做交叉验证，不写提交文件" in chinese


WRONG = {
    ("runs",): "缺少参数 'COMPETITION'。",
    ("runs", "titanic", "--foo"): "没有选项：--foo",
    ("run", "titanic", "--fold", "3"): "没有选项：--fold（可能是：--folds、--on）",
    ("rums", "titanic"): "没有命令 'rums'。是否要用 'runs'",
    ("runs", "titanic", "--prune", "0"): "'--prune' 的值无效：应不小于 1",
    ("runs", "titanic", "--prune", "x"): "'--prune' 的值无效：应为整数",
    ("run", "titanic", "--seeds"): "选项 '--seeds' 需要一个值。",
    ("runs", "a b c"): "错误：'a b c' 不是比赛的名称或网址",
    ("runs", "titani"): "错误：没有比赛 'titani'；已知：",
    ("cv", "titanic", "--folds", "1"): "错误：--folds 至少为 2，现为 1",
    ("cv", "titanic", "--preset", "slow"): "错误：没有预设 'slow'",
    ("cv", "titanic", "--variants", "x"): "错误：titanic 没有变体 'x'；已知：",
    ("cv", "titanic", "--data", "no-such-folder"): "错误：没有文件夹 no-such-folder",
    ("cv", "titanic", "--seed", str(2**32)): "错误：--seed 必须小于 2^32，现为 4294967296",
    ("cv", "titanic", "--data", "sample", "--device", "tpu"): "错误：设备 'tpu' 在此不可用",
    ("compare", "titanic", "newest", "newest"): "错误：A 与 B 是同一次运行：",
    ("compare", "titanic", "nothing"): "错误：'nothing' 不是 runs/titanic 中 titanic 的运行",
    ("predict", "titanic", "gone.csv"): "错误：gone.csv 无法读取：没有这个文件或文件夹",
    ("submit", "otto", "--file", "gone.csv"): "错误：没有文件 gone.csv",
    ("practice", "titanic", "--rounds", "0"): "'--rounds'|错误：--rounds 必须在 1 到 ",
    ("report", "nothing"): "错误：'nothing' 不是比赛，也不是 runs 中的运行",
    ("new", "some-slug", "--metric", "gini"): "错误：没有指标 'gini'",
    ("try", "titanic", "--features", "gone.py"): "错误：gone.py 无法读取|错误：没有文件 gone.py",
    ("cv", "titanic", "--lang", "de"): "error: --lang must be en or zh, got 'de'",
}


@pytest.mark.parametrize("command", WRONG, ids=" ".join)
def test_what_is_wrong_is_said_in_chinese(there, command):
    told = go("--lang", "zh", *command)
    said = re.sub(r"[│╭╮╰╯─]", " ", told.stderr)
    assert told.exit_code == 2, told.output
    assert "Usage:" not in said
    assert any(each in said for each in WRONG[command].split("|")), said
    if "de" not in command:
        assert english(said) == []
    if "错误：" in said and "怎么办" in said:
        assert "what to do" not in said
    plain = go(*command).stderr
    assert not re.search("[\u4e00-\u9fff]", re.sub("怎么办.*", "", plain))


def test_the_locale_decides_where_nothing_is_asked(there, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert go("runs", "titanic").stdout.startswith("运行 ")
    assert go("--lang", "en", "runs", "titanic").stdout.startswith("run ")


BEHIND = {
    ("tune", "zebra", "--lang", "zh"): "错误：没有比赛 'zebra'",
    ("practice", "zebra", "--lang=zh", "--quiet"): "错误：没有比赛 'zebra'",
    ("--lang", "zh", "tune", "zebra", "--lang", "en"): "error: there is no competition 'zebra'",
    ("scores", "zebra", "--lang", "de"): "error: --lang must be en or zh, got 'de'",
    ("tune", "zebra", "--lang"): "Option '--lang' requires an argument.",
    ("--lang", "tune", "tune", "zebra"): "--lang 只能是 en 或 zh，现为 'tune'|--lang must be en or zh, got 'tune'",
    ("submit", "zebra", "-m", "--lang", "--file", "x"): "error: there is no competition 'zebra'",
    ("try", "zebra", "--note", "--lang=de", "--features", "x.py"): "error: x.py cannot be read",
    ("tune", "zebra", "--", "--lang", "zh"): "unexpected extra argument",
}


@pytest.mark.parametrize("command", BEHIND, ids=" ".join)
def test_the_language_may_stand_behind_every_command(command):
    told = go(*command)
    said = any(each in told.stderr for each in BEHIND[command].split("|"))
    assert (told.exit_code, said) == (2, True), told.stderr


def test_every_command_names_the_option_of_the_language():
    assert "--lang" in go("tune", "--help").stdout
    assert "--lang" in go("scores", "--help").stdout


def texts(monkeypatch):
    """What a picture of three texts shows, by its file."""
    from matplotlib.figure import Figure

    found = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *a, **k: (found.append(_texts(figure)), save(figure, *a, **k))
    )
    return found


def _texts(figure):
    (axes,) = figure.axes
    return [axes.get_title(loc="left"), axes.get_xlabel(), *(each.get_text() for each in axes.get_xticklabels())]


@pytest.mark.parametrize("font", [True, False])
def test_a_picture_is_chinese_where_there_is_a_font(tmp_path, monkeypatch, capsys, font):
    from pipelines.language.choice import shown_in

    found = texts(monkeypatch)
    monkeypatch.setattr(pictures, "CHINESE_FONTS", pictures.CHINESE_FONTS if font else ("no such font",))
    pictures.chinese_font.cache_clear()
    with shown_in("zh"):
        has_one = pictures.chinese_font() is not None
        for _ in range(2):
            with pictures.picture(tmp_path / "a.png", (3, 2), 50) as figure:
                axes = figure.add_subplot()
                axes.set(title="all variants", xlabel="loss per row")
                axes.set_xticks([0, 1], ["Braund, Mr. Owen", "class shares"])
    pictures.chinese_font.cache_clear()
    english = ["all variants", "loss per row", "Braund, Mr. Owen", "class shares"]
    assert found[-1] == (["全部变体", "每行的损失", "Braund, Mr. Owen", "类别比例"] if has_one else english)
    assert capsys.readouterr().err.count("提示：没有安装中文字体") == (not has_one)
    assert has_one or not font or not any(Path("/usr/share/fonts").rglob("NotoSansCJK*"))


def test_the_lectures_are_told_in_chinese_but_for_code_and_what_programs_print(there):
    listed, told = go("--lang", "zh", "lecture", "--list"), go("--lang", "zh", "lecture", "04", "--stand-in")
    assert "05            线性回归，八种优化器" in listed.stdout.splitlines()
    assert told.exit_code == 0, told.output
    of_ours = [line for line in told.stdout.splitlines() if not line.startswith("    ")]
    assert of_ours[0] == "== 第 04 讲：反向传播：手算与 autograd"
    assert "ok  在 backward 之前改动 w.data：梯度是错的（应为 2）：20.0（要求：20.0）" in of_ours
    assert english(listed.output + "\n".join(of_ours)) == []
    assert "    predict (before training) 4 4.0" in told.stdout.splitlines()


@pytest.mark.parametrize("command", ["mistakes", "exercise"])
def test_what_there_is_to_learn_is_listed_in_chinese(there, command):
    told = go("--lang", "zh", command)
    assert told.exit_code == 0, told.output
    assert english(told.output) == []


def test_code_and_what_a_learner_prints_come_through(there):
    shown_lines = go("--lang", "zh", "exercise", "08-dataset", "--answer").stdout
    assert '        rows = np.loadtxt(path, delimiter=",", dtype=np.float32, ndmin=2)\n' in shown_lines
    assert "试一试：" in shown_lines
    go("--lang", "zh", "exercise", "05-closure")
    path = there / "exercises" / "05-closure.py"
    if not path.exists():
        (path,) = (there / "exercises").glob("*05*closure*.py")
    path.write_text('print("rows = 3")\nprint("error: a of b")\n' + path.read_text(encoding="utf-8"), encoding="utf-8")
    printed = go("--lang", "zh", "exercise", "05-closure").stdout.splitlines()
    assert printed[:2] == ["    rows = 3", "    error: a of b"]
    right = go("--lang", "zh", "mistakes", "fillna", "--seeds", "1").stdout
    assert '      rows["Age"] = rows["Age"].fillna(0)\n' in right
