"""An answer's text from its tokens, as they come: bytes that are no whole character yet wait for the next
token, and so does what may become one of the words at which the client wants to stop."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field

from zkllm.serve.models import Served


@dataclass
class Text:
    """At most `most` tokens are shown. `reason`, once nothing more is shown: "stop" where an id or a word
    ended the answer, else "length"."""

    model: Served
    most: int
    stops: Sequence[str] = ()
    shown: int = 0  # tokens that are the answer's, the one that ends it among them
    reason: str | None = None
    _held: str = ""
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )

    def add(self, token: int) -> str:
        """What can be shown now."""
        if self.reason is not None:
            return ""
        self.shown += 1
        if token in self.model.package.conversation.ends:
            return self._end("stop", "")
        text = self._held + self._decoder.decode(self.model.package.tokenizer.token_bytes[token])
        if places := [text.find(stop) for stop in self.stops if stop in text]:
            self.reason = "stop"
            return text[: min(places)]
        if self.shown == self.most:
            return self._end("length", text)
        keep = self._kept(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def _end(self, reason: str, text: str) -> str:
        self.reason = reason
        return (text or self._held) + self._decoder.decode(b"", final=True)

    def _kept(self, text: str) -> int:
        """Characters at the end that may be the beginning of a stop."""
        return max(
            (n for stop in self.stops for n in range(1, len(stop)) if text.endswith(stop[:n])), default=0
        )
