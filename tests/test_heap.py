"""Freed memory stays where glibc can be told so; elsewhere nothing is changed and nothing fails."""

import ctypes
import sys

import pytest

from pipelines import hardware as heap


class Library:
    def __init__(self, answer):
        self.asked = []
        self.mallopt = lambda knob, size: self.asked.append((knob, size)) or answer


@pytest.mark.parametrize(("answer", "expected"), [(1, True), (0, False)])
def test_glibc_is_asked_for_three_things_and_its_answer_counts(monkeypatch, answer, expected):
    library = Library(answer)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    assert heap.keep_freed_memory() is expected
    assert library.asked == list(heap.KNOBS.values())[: len(library.asked)]
    assert len(library.asked) == (3 if expected else 1)


def test_another_system_or_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert heap.keep_freed_memory() is False
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", None)
    assert heap.keep_freed_memory() is False
