"""The latest ids of something, a bounded number of them: how duplicates are known without keeping all that ever came."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Id = TypeVar("Id", bound=Hashable)


class RecentIds(Generic[Id]):
    """A set of at most `capacity` ids; the one that was added longest ago is forgotten first."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._ids: OrderedDict[Id, None] = OrderedDict()

    def add(self, added: Id) -> bool:
        """Take an id; False where it was there, which leaves it in its place."""
        if added in self._ids:
            return False
        self._ids[added] = None
        while len(self._ids) > self.capacity:
            self._ids.popitem(last=False)
        return True

    def discard(self, unwanted: Id) -> None:
        """Forget an id; one that is not there is no error."""
        self._ids.pop(unwanted, None)

    def clear(self) -> None:
        """Forget all."""
        self._ids.clear()

    def __iter__(self) -> Iterator[Id]:
        """Oldest first."""
        return iter(self._ids)

    def __contains__(self, asked: object) -> bool:
        return asked in self._ids

    def __len__(self) -> int:
        """Ids remembered."""
        return len(self._ids)
