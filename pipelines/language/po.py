"""The catalogue's files: gettext's `.po`, of which entries, their places and remarks are used."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

STRING = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
ENTRY = re.compile(rf"^msgid {STRING}^msgstr {STRING}", re.MULTILINE)
HEAD = r"""msgid ""
msgstr ""
"Language: zh_CN\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"
"""


@dataclass(frozen=True)
class Entry:
    """A sentence, its translation, and where the code says it."""

    said: str
    shown: str
    places: tuple[str, ...] = ()


def read(text: str) -> Iterator[tuple[str, str]]:
    """Each sentence and its translation, which is empty where there is none; the head is none.

    Source: the format of GNU gettext, without contexts, plurals and entries that are out of use.
    """
    for said, shown in ENTRY.findall(text):
        if entry := _joined(said):
            yield entry, _joined(shown)


def written(entries: Iterable[Entry]) -> str:
    """The file of these entries, in their order."""
    parts = [HEAD]
    for entry in entries:
        places = "".join(f"#: {place}\n" for place in entry.places)
        parts.append(f"{places}msgid {_quoted(entry.said)}\nmsgstr {_quoted(entry.shown)}\n")
    return "\n".join(parts)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _joined(strings: str) -> str:
    """The text of one or more strings, which have C's escapes."""
    return "".join(json.loads(each) for each in re.findall(r'"(?:[^"\\]|\\.)*"', strings))
