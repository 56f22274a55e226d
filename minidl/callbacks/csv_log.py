"""The values of each epoch as a line of a CSV file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from typing import IO, Any

from minidl.callbacks.base import NONE, Callback, Logs, may_add_values


class CSVLogger(Callback):
    """Write each epoch's values as a line of a CSV file; "NA" for a value that an epoch lacks.

    Args:
        filename: path of the file.
        separator: between values, default ",".
        append: True keeps the earlier lines of the file; default False.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
            raise ValueError(
                "separator: expected one character that ends no line and no text, received "
                f"{separator!r}"
            )
        self.filename = filename
        self.separator = separator
        self.append = append
        self._file: IO[str] | None = None

    def on_train_begin(self, logs: Logs = NONE) -> None:
        exists = self.append and os.path.exists(self.filename)
        # How long the file was, where the lines of this training begin, and the lines.
        self._old = self._start = os.path.getsize(self.filename) if exists else 0
        self._lines = ""
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115
        self._fields = ["epoch", *self.params["metrics"]]
        # A callback may add values: the names are known when the first epoch ends.
        self._waits = not self._start and may_add_values(self.model)
        if not (self._start or self._waits):
            self._write(csv.DictWriter.writeheader)

    def on_epoch_end(self, epoch: int, logs: Logs = NONE) -> None:
        if self._waits:
            self._fields += [name for name in logs if name not in self._fields]
            self._write(csv.DictWriter.writeheader)
            self._waits = False
        self._write(lambda writer: writer.writerow({"epoch": epoch, **logs}))

    def on_train_end(self, logs: Logs = NONE) -> None:
        if self._file is not None:
            self._file.close()

    def get_state(self) -> dict[str, Any]:
        return {"start": self._start, "lines": self._lines, "fields": self._fields}

    def set_state(self, state: dict[str, Any]) -> None:
        # Lines of epochs that the checkpoint does not know go; lost lines come back.
        lost = self._old < state["start"]
        self._start, self._lines = min(self._old, state["start"]), ""
        self._fields = list(state.get("fields", self._fields))
        self._waits = self._waits and not state["lines"]
        if self._file is not None and os.path.getsize(self.filename) > self._start:
            self._file.truncate(self._start)
            self._file.seek(0, os.SEEK_END)
        if lost and not self._start:
            self._write(csv.DictWriter.writeheader)
        self._append(state["lines"])

    def _write(self, what: Callable[[csv.DictWriter[str]], Any]) -> None:
        line = io.StringIO(newline="")
        options: Any = {"delimiter": self.separator, "restval": "NA", "extrasaction": "ignore"}
        what(csv.DictWriter(line, self._fields, **options))
        self._append(line.getvalue())

    def _append(self, text: str) -> None:
        self._lines += text
        if self._file is not None:
            self._file.write(text)
            self._file.flush()
