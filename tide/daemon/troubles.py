"""What keeps going wrong is told once, and not each time."""

from dataclasses import dataclass


@dataclass(slots=True)
class Trouble:
    """What went wrong last, "" where nothing did."""

    _last: str = ""

    def is_news(self, error: Exception) -> bool:
        """Note that something went wrong; tell whether it did not go wrong in this way before."""
        text = str(error) or repr(error)
        before, self._last = self._last, text
        return text != before

    def is_over(self) -> bool:
        """Note that it went well; tell whether it had not before."""
        before, self._last = self._last, ""
        return bool(before)
