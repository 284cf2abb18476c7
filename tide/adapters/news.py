"""What stays as it is is told when it begins, and not each time that it is seen."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_MOST = 4096


class News(Generic[K]):
    """What is known of things that are not as they should be; of more than 4,096 the oldest news is forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[K, str] = OrderedDict()

    def is_new(self, thing: K, text: str) -> bool:
        """Keep what is seen of a thing; tell whether it is not what was seen of it before."""
        before = self._known.pop(thing, None)
        self._known[thing] = text
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return text != before

    def is_over(self, thing: K) -> bool:
        """Note that a thing is as it should be; tell whether it was not."""
        return self._known.pop(thing, None) is not None

    def keep(self, is_kept: Callable[[K], bool]) -> None:
        """Forget all other things."""
        for thing in [thing for thing in self._known if not is_kept(thing)]:
            del self._known[thing]
