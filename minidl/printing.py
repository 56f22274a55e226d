"""Lines that minidl prints: there at once, in characters that the stream can show."""

from __future__ import annotations

import sys
import unicodedata
from typing import IO

# Plain forms of characters without a simpler form in Unicode.
_PLAIN = str.maketrans({"×": "x", "·": "*", "−": "-", "–": "-", "—": "-", "→": "->", "≥": ">="})


def say(text: object, file: IO[str] | None = None) -> None:
    """Print a text, and flush the stream: the line is there however the process ends.

    Args:
        text: printed as ``str(text)``.
        file: a text stream; default standard output.
    """
    stream = sys.stdout if file is None else file
    print(shown(str(text), getattr(stream, "encoding", None)), file=file, flush=True)


def shown(text: str, encoding: str | None) -> str:
    """The text in characters of an encoding: unchanged, or with plain for missing characters.

    "…" becomes "...", "²" becomes "2"; a character without a plain form becomes a number, such as
    "\\u4e2d". None is an encoding that has every character.
    """
    if encoding is None or _has(text, encoding):
        return text
    return "".join(c if _has(c, encoding) else _plain(c, encoding) for c in text)


def _has(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _plain(character: str, encoding: str) -> str:
    plain = unicodedata.normalize("NFKD", character.translate(_PLAIN))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain.encode(encoding, "backslashreplace").decode(encoding)
