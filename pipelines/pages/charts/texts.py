"""Labels that fit: text of files, made one line of characters that XML holds, and cut where it is long."""

import re
from unicodedata import east_asian_width

NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # control characters, lone surrogates
WIDE, CAPITAL, NARROW, USUAL = 0.95, 0.7, 0.36, 0.62  # of the font's size, in a wide one; Chinese signs are 1


def plain(text: object) -> str:
    r"""One line, without characters that no XML can hold.

    >>> plain("a\x00\nb")
    'a� b'
    """
    return " ".join(NO_XML.sub("\ufffd", str(text)).split())


def width_of(text: str, size: float) -> float:
    """About how wide a text is, in points, in a font of that size.

    >>> width_of("ab", 10), width_of("Wii", 10), width_of("类别", 10)
    (12.4, 16.7, 20.0)
    """
    return round(sum(map(_share, text)) * size, 2)


def _share(sign: str) -> float:
    if east_asian_width(sign) in "WF":
        return 1.0
    if sign in "mwMW@%":
        return WIDE
    return NARROW if sign in "ijlt.,:;|'!() " else CAPITAL if sign.isupper() else USUAL


def short(text: object, points: float, size: float) -> str:
    """The text, cut to about that width.

    >>> short("a very long name of a column", 60, 10), short("short", 60, 10)
    ('a very lo…', 'short')
    """
    line = plain(text)
    if width_of(line, size) <= points:
        return line
    while line and width_of(f"{line}…", size) > points:
        line = line[:-1]
    return f"{line}…"
