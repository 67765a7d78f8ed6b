"""Whoever reads, or does not, and whatever signal comes: the right code, the right words, nothing lost."""

import errno
import io
import signal
import sys
import threading

import pytest
import typer

from pipelines.report import console, process
from pipelines.report.console import errors_in_plain_words, say


class Failing(io.StringIO):
    """A stream whose reader is gone, or whose disk is full."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


GONE = BrokenPipeError(errno.EPIPE, "Broken pipe")
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def streams(monkeypatch):
    """Put streams in the place of stdin, stdout and stderr."""

    def put(**named):
        for name, stream in named.items():
            monkeypatch.setattr(sys, name, stream)

    return put


def test_a_reader_that_goes_away_stops_nothing_unless_the_command_only_prints(streams, capsys):
    streams(stdout=Failing(GONE))
    with errors_in_plain_words("interrupted"):
        say("a line")
        assert console.unread()
        say("another, that nobody reads")
    streams(stdout=Failing(GONE))
    with pytest.raises(typer.Exit) as end, errors_in_plain_words("interrupted", stop_unread=True):
        say("a line")
    assert end.value.exit_code == 0
    assert capsys.readouterr().err == ""


def test_an_interruption_at_a_question_ends_as_any_other(capsys):
    with pytest.raises(typer.Exit) as end, errors_in_plain_words("interrupted; nothing was sent"):
        raise typer.Abort
    assert (end.value.exit_code, capsys.readouterr().err) == (130, "interrupted; nothing was sent\n")


@pytest.mark.parametrize("stop_unread", [True, False])
def test_lines_that_a_full_disk_swallowed_are_an_error_in_the_end(streams, capsys, stop_unread):
    streams(stdout=Failing(FULL))
    with pytest.raises(typer.Exit) as end, errors_in_plain_words("interrupted", stop_unread=stop_unread):
        say("a line")
    assert end.value.exit_code == 1
    told = capsys.readouterr().err
    assert told.startswith("error: standard output: No space left on device\n  what to do: ")


@pytest.mark.parametrize("closed", [None, Failing(GONE)], ids=["closed", "gone"])
def test_an_error_is_told_on_stdout_where_stderr_is_closed(streams, capsys, closed):
    streams(stderr=closed)
    with pytest.raises(typer.Exit) as end, process.well_behaved():  # noqa: PT012
        console.say_aside("aside")
        with errors_in_plain_words("interrupted"):
            raise KeyboardInterrupt
    assert end.value.exit_code == 130
    assert capsys.readouterr().out == "interrupted\n"


def test_streams_that_are_closed_are_opened(streams):
    streams(stdin=None, stdout=None, stderr=None)
    with process.well_behaved():
        assert sys.stdin.read() == ""
        assert not sys.stdin.isatty()
        sys.stdin.close()
        say("gone")
        console.say_aside("gone")
        console.complain("gone")
        assert console.unread()


NAMES = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_ends_a_command_as_ctrl_c_does(name, capsys, monkeypatch):
    left = []
    monkeypatch.setattr(process.os, "_exit", left.append)
    sent = getattr(signal, name)
    outside = signal.signal(sent, signal.default_int_handler)  # nohup, say, leaves SIGHUP ignored
    try:
        with pytest.raises(typer.Exit) as end, process.well_behaved(), errors_in_plain_words(lambda: "nothing is left"):
            signal.raise_signal(sent)
        assert signal.getsignal(sent) is signal.default_int_handler
    finally:
        signal.signal(sent, outside)
    assert end.value.exit_code == 130
    assert capsys.readouterr().err == "nothing is left\n"
    with process.well_behaved():
        raise SystemExit(130)
    assert left == [130]  # past the interpreter's own way out, which waits for threads


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="POSIX signals")
def test_what_the_parent_wants_to_be_ignored_is(monkeypatch):
    """As `nohup` does."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with process.well_behaved():
            signal.raise_signal(signal.SIGHUP)
            assert (process.signals.count, signal.getsignal(signal.SIGHUP)) == (0, signal.SIG_IGN)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_third_signal_ends_at_once_and_one_after_the_last_words_does_nothing(monkeypatch, capfd):
    left = []
    monkeypatch.setattr(process.os, "_exit", left.append)
    with process.well_behaved():
        for already in ([], []):
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            assert left == already
        with pytest.raises(KeyboardInterrupt):  # in a test, where _exit returns
            signal.raise_signal(signal.SIGINT)
        assert left == [130]
        process.signals.told = True
        signal.raise_signal(signal.SIGINT)
    assert "interrupted" in capfd.readouterr().err


def test_an_interruption_that_somebody_swallowed_is_heard_at_the_next_line():
    with process.well_behaved():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            say("on with it")


def test_in_another_thread_no_handler_is_set():
    def other():
        with process.well_behaved():
            heard.append(signal.getsignal(signal.SIGINT))

    heard, before = [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert heard == [before]
