"""The order in which Go's sort.Slice leaves elements whose keys are equal or have no order.

A port of its pattern-defeating quicksort, which is not stable: `sortBy` shows where the elements
end. Keys that all differ are better sorted with `sorted`, which gives the same.
"""

from __future__ import annotations

from typing import Any, Final

_MAX_INSERTION: Final = 12
_MAX_STEPS: Final = 5
_SHORTEST_SHIFTING: Final = 50
_SHORTEST_NINTHER: Final = 50
_MAX_SWAPS: Final = 12


def sorted_positions(keys: list[Any]) -> list[int]:
    """Return the positions of the keys in the order that sort.Slice gives them."""
    positions = list(range(len(keys)))
    _Sorter(keys, positions).sort(0, len(keys), len(keys).bit_length())
    return positions


class _Sorter:
    """Sorts positions by their keys, in place."""

    def __init__(self, keys: list[Any], positions: list[int]) -> None:
        self.keys = keys
        self.positions = positions
        self.swaps = 0

    def less(self, one: int, other: int) -> bool:
        return bool(self.keys[self.positions[one]] < self.keys[self.positions[other]])

    def swap(self, one: int, other: int) -> None:
        places = self.positions
        places[one], places[other] = places[other], places[one]

    def sort(self, start: int, end: int, limit: int) -> None:
        """Sort a range; after `limit` bad partitions by heap."""
        balanced = partitioned = True
        while end - start > _MAX_INSERTION:
            length = end - start
            if limit == 0:
                self.sort_by_heap(start, end)
                return
            if not balanced:
                self.break_patterns(start, end)
                limit -= 1
            pivot = self.choose_pivot(start, end)
            increasing = self.swaps in {0, _MAX_SWAPS}
            if self.swaps == _MAX_SWAPS:
                self.positions[start:end] = self.positions[start:end][::-1]
                pivot = (end - 1) - (pivot - start)
            if balanced and partitioned and increasing and self.insert_few(start, end):
                return
            if start > 0 and not self.less(start - 1, pivot):
                start = self.partition_equal(start, end, pivot)
                continue
            middle, partitioned = self.partition(start, end, pivot)
            balanced = min(middle - start, end - middle) >= length // 8
            if middle - start < end - middle:
                self.sort(start, middle, limit)
                start = middle + 1
            else:
                self.sort(middle + 1, end, limit)
                end = middle
        self.insert(start, end)

    def insert(self, start: int, end: int) -> None:
        """Sort by insertion."""
        for index in range(start + 1, end):
            self.sink(index, start)

    def sink(self, index: int, start: int) -> None:
        """Move an element down to its place."""
        while index > start and self.less(index, index - 1):
            self.swap(index, index - 1)
            index -= 1

    def sort_by_heap(self, start: int, end: int) -> None:
        """Sort by heap."""
        length = end - start
        for root in range((length - 1) // 2, -1, -1):
            self.sift_down(root, length, start)
        for last in range(length - 1, -1, -1):
            self.swap(start, start + last)
            self.sift_down(0, last, start)

    def sift_down(self, root: int, end: int, first: int) -> None:
        """Restore the heap below an element."""
        while (child := 2 * root + 1) < end:
            if child + 1 < end and self.less(first + child, first + child + 1):
                child += 1
            if not self.less(first + root, first + child):
                return
            self.swap(first + root, first + child)
            root = child

    def partition(self, start: int, end: int, pivot: int) -> tuple[int, bool]:
        """Split in lesser and other elements; return where, and whether it was so already."""
        self.swap(start, pivot)
        left, right = self.narrow(start, start + 1, end - 1)
        already = left > right
        while left <= right:
            self.swap(left, right)
            left, right = self.narrow(start, left + 1, right - 1)
        self.swap(right, start)
        return right, already

    def narrow(self, pivot: int, left: int, right: int) -> tuple[int, int]:
        """Pass over the elements at both ends that are on the right side of the pivot."""
        while left <= right and self.less(left, pivot):
            left += 1
        while left <= right and not self.less(right, pivot):
            right -= 1
        return left, right

    def partition_equal(self, start: int, end: int, pivot: int) -> int:
        """Split in elements equal to the pivot and greater ones; return where."""
        self.swap(start, pivot)
        left, right = start + 1, end - 1
        while True:
            while left <= right and not self.less(start, left):
                left += 1
            while left <= right and self.less(start, right):
                right -= 1
            if left > right:
                return left
            self.swap(left, right)
            left, right = left + 1, right - 1

    def insert_few(self, start: int, end: int) -> bool:
        """Sort if few elements are out of place; tell whether it is sorted."""
        index = start + 1
        for _ in range(_MAX_STEPS):
            while index < end and not self.less(index, index - 1):
                index += 1
            if index == end:
                return True
            if end - start < _SHORTEST_SHIFTING:
                return False
            self.swap(index, index - 1)
            if index - start >= 2:
                self.sink(index - 1, 0)
            after = index + 1
            while after < end and self.less(after, after - 1):
                self.swap(after, after - 1)
                after += 1
        return False

    def break_patterns(self, start: int, end: int) -> None:
        """Swap three elements about the middle with others, by a fixed random sequence."""
        length = end - start
        random = length
        mask = (1 << length.bit_length()) - 1
        middle = start + length // 4 * 2
        for index in (middle - 1, middle, middle + 1):
            random ^= random << 13 & 0xFFFFFFFFFFFFFFFF
            random ^= random >> 7
            random ^= random << 17 & 0xFFFFFFFFFFFFFFFF
            other = random & mask
            self.swap(index, start + (other - length if other >= length else other))

    def choose_pivot(self, start: int, end: int) -> int:
        """Return the position of a median, and count in `swaps` how unordered its rivals were."""
        self.swaps = 0
        quarter = (end - start) // 4
        rivals = [start + quarter, start + quarter * 2, start + quarter * 3]
        if end - start >= _SHORTEST_NINTHER:
            rivals = [self.median(it - 1, it, it + 1) for it in rivals]
        return self.median(*rivals)

    def median(self, one: int, two: int, three: int) -> int:
        """Return the position of the middle one of three elements."""
        one, two = self.ordered(one, two)
        two, three = self.ordered(two, three)
        return self.ordered(one, two)[1]

    def ordered(self, one: int, other: int) -> tuple[int, int]:
        if self.less(other, one):
            self.swaps += 1
            return other, one
        return one, other
