"""Runs a learner's file in a process of its own, with a limit of time: nothing in it can hang or end the command.

`judge` is what that process does; it writes its verdict into a file, so that a file which ends Python early has none.
"""

import json
import os
import re
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from lectures.exercises.exercise import NOT_YET, Both, Exercise, Wrong, find

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0  # seconds
MOST = 4000  # characters of what a learner's file prints
# What a learner's file sees of the environment: nothing that may hold a key, a token or a password.
SEEN = re.compile(
    "PATH|HOME|USERPROFILE|SYSTEMROOT|TEMP|TMP|TMPDIR|LANG|VIRTUAL_ENV|LD_LIBRARY_PATH|(LC_|PYTHON|OMP_|MKL_).*"
)


@dataclass(frozen=True)
class Verdict:
    """Whether it is right, what is wrong with it in English and Chinese, and what the file printed."""

    right: bool
    english: str = ""
    chinese: str = ""
    printed: str = ""


def judge(exercise: Exercise, path: Path) -> Verdict:
    """Run the file and check its names, in this process."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come when it is run
            compile(path.read_bytes(), str(path), "exec")
    except (SyntaxError, ValueError) as error:
        return _of_error(error, path, ("Python cannot read your file", "Python 无法读取这个文件"))
    try:
        names = runpy.run_path(str(path))
        import torch

        from lectures.exercises.judging import Yours

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            exercise.check()(Yours(**names))
    except Wrong as wrong:
        return Verdict(False, wrong.english, wrong.chinese)
    except BaseException as error:  # a file may raise KeyboardInterrupt, too, or one of its own
        return _of_error(error, path)
    return Verdict(True)


def _of_error(
    error: BaseException, path: Path, without_line: Both = ("what your lines give cannot be used", "得到的结果无法使用")
) -> Verdict:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path) and error.lineno:
        lines.append(error.lineno)
    if lines and isinstance(error, NotImplementedError) and f'raise NotImplementedError("{error}")' == NOT_YET:
        return Verdict(False, f"line {lines[-1]} is not written yet", f"第 {lines[-1]} 行尚未完成")
    said = traceback.format_exception_only(error)[-1].strip()
    if not lines:
        return Verdict(False, f"{without_line[0]}: {said}", f"{without_line[1]}：{said}")
    return Verdict(False, f"line {lines[-1]}: {said}", f"第 {lines[-1]} 行：{said}")


def check(exercise: Exercise, path: Path, limit: float = LIMIT) -> Verdict:
    """The verdict on a file, from a process that has `limit` seconds."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        verdict = Path(folder) / "verdict.json"
        environment = {name: value for name, value in os.environ.items() if SEEN.fullmatch(name)} | {
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
            "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg",
        }  # fmt: skip
        process = subprocess.Popen(  # noqa: S603 the learner's own file, as `python FILE` would run it
            [sys.executable, "-m", "lectures.exercises.checking", exercise.name, str(path.absolute()), str(verdict)],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        printed, ended = _until_its_end(process, limit)
        with suppress(OSError, ValueError, TypeError):  # none, or what is no verdict of ours
            return Verdict(**json.loads(verdict.read_bytes()) | {"printed": printed})
    if not ended:
        return Verdict(
            False, f"it did not come to its end in {limit:g} seconds; a loop without end?",
            f"{limit:g} 秒内没有运行完，是否有死循环？", printed,
        )  # fmt: skip
    code = process.returncode
    return Verdict(
        False, f"Python ended (exit code {code}) before anything was checked; take out exit() and the like",
        f"尚未检查，Python 就已退出（退出码 {code}）；请去掉 exit() 之类的语句", printed,
    )  # fmt: skip


def _until_its_end(process: subprocess.Popen[bytes], limit: float) -> tuple[str, bool]:
    """What it prints, as far as there is room, and whether it ended by itself.

    What it started ends with it, unless that went into a session of its own.
    """
    kept = bytearray()
    reader = threading.Thread(target=_read, args=(process.stdout, kept), daemon=True)
    reader.start()
    ended = True
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        ended = False
    finally:
        with suppress(OSError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join(5)
        if not reader.is_alive() and process.stdout is not None:
            process.stdout.close()
    return bytes(kept).decode("utf-8", "replace"), ended


def _read(stream: IO[bytes], kept: bytearray) -> None:
    """Read to the end, so that nobody waits for a reader, and keep the beginning."""
    while chunk := stream.read1(65536):  # type: ignore[attr-defined]
        kept += chunk[: max(0, MOST - len(kept))]


def main(name: str, path: str, verdict: str) -> None:
    """Judge a file and leave the verdict."""
    found = judge(find(name)[0], Path(path))
    sys.stdout.flush()
    part = Path(f"{verdict}.part")
    part.write_text(json.dumps(asdict(found)), encoding="utf-8")
    part.replace(verdict)
    os._exit(0)  # threads that a file has left running hold nobody up


if __name__ == "__main__":
    main(*sys.argv[1:])
