"""Files and pipes as text in UTF-8, in pieces and lines of bounded size."""

import codecs
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE_BYTES: Final = 1 << 18
MOST_LINE_BYTES: Final = 1 << 20
UTF_16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class SourceError(Exception):
    """An input that cannot be read; the message names it and what to do."""


class Source:
    """One input. Its byte order mark is removed, and UTF-16 that has one becomes UTF-8.

    Attributes:
        name: how messages call it.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """Begin to read `stream`."""
        self.name = name
        self._raw = _Utf8(stream)
        self._text = io.BufferedReader(self._raw, PIECE_BYTES)

    @property
    def head(self) -> bytes:
        """The first bytes, once they are read."""
        return self._raw.head

    def pieces(self) -> Iterator[bytes]:
        """Yield the text as it comes, cut anywhere."""
        while piece := self._text.read1(PIECE_BYTES):
            yield piece

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield each line with its number, from 1 on.

        Raises:
            SourceError: a line is longer than `MOST_LINE_BYTES`.
        """
        number = 0
        while line := self._text.readline(MOST_LINE_BYTES + 1):
            number += 1
            if len(line) > MOST_LINE_BYTES:
                raise SourceError(
                    f"{self.name}, line {number}: longer than {MOST_LINE_BYTES:,} bytes; is --format right? Bodies"
                    " without newlines are --format bodies"
                )
            yield number, line


class _Utf8(io.RawIOBase):
    """The bytes of a stream, as UTF-8 without a byte order mark."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self.head = b""
        self._stream = stream
        self._ready = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._begun = self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        while not self._ready and not self._ended:
            self._ready = self._next()
        piece, self._ready = self._ready[: len(view)], self._ready[len(view) :]
        view[: len(piece)] = piece
        return len(piece)

    def _next(self) -> bytes:
        piece = self._stream.read(PIECE_BYTES)
        if not self._begun:
            while 0 < len(piece) < len(codecs.BOM_UTF8) and (more := self._stream.read(PIECE_BYTES)):
                piece += more
            self._begun, self.head = True, piece
            if piece.startswith(UTF_16_MARKS):
                self._decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
            piece = piece.removeprefix(codecs.BOM_UTF8)
            self._ended = not self.head
        else:
            self._ended = not piece
        if self._decoder is None:
            return piece
        return self._decoder.decode(piece, final=self._ended).encode(errors="replace")
