"""Errors that a person reads: what happened, which value, what to do, in both languages."""

from __future__ import annotations


class ParkError(Exception):
    """A failure with a cure. Faces (command line, HTTP, pages) show ``zh`` or ``en`` and never a traceback."""

    def __init__(self, *, zh: str, en: str, code: str = "failed") -> None:
        """Keep both sentences and a stable code that programs may match."""
        super().__init__(en)
        self.zh = zh
        self.en = en
        self.code = code

    def text(self, language: str) -> str:
        """The sentence in ``language``: "zh", else English."""
        return self.zh if language == "zh" else self.en


class Forbidden(ParkError):  # noqa: N818 - reads as the answer it is
    """The caller may not see or do this."""

    def __init__(self, *, zh: str, en: str) -> None:
        """Forbidden always carries the code ``forbidden``."""
        super().__init__(zh=zh, en=en, code="forbidden")
