"""Parameters of strategies: typed and within a range, declared in the body of the class.

A value is kept as a plain attribute of the strategy, so reading one costs nothing more.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, Self, TypeVar, overload

import numpy as np

from traderbot.model.amounts import quantity
from traderbot.model.errors import InvalidValue

T = TypeVar("T")


class Parameter(Generic[T]):
    """One value that a strategy is made with. initial: where none is given."""

    name: str = ""

    def __init__(self, initial: T) -> None:
        self.initial = initial

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        return self if instance is None else self.initial

    @property
    def kind(self) -> str:
        """The word for it in lists and in the API."""
        return type(self).__name__.lower()

    @property
    def expected(self) -> str:
        """What is taken, in words."""
        raise NotImplementedError

    def check(self, value: object) -> T:
        """The value, if it may be taken. Errors: InvalidValue."""
        raise NotImplementedError

    def parse(self, text: str) -> T:
        """The value of a text. Errors: InvalidValue."""
        raise NotImplementedError

    def grid(self, count: int) -> list[T]:
        """About so many different values over the whole range, in order."""
        raise NotImplementedError

    def wrong(self, value: object) -> InvalidValue:
        return InvalidValue(self.name, self.expected, value)


class Whole(Parameter[int]):
    """A whole number from `least` to `most`."""

    def __init__(self, initial: int, least: int, most: int) -> None:
        self.least, self.most = least, most
        super().__init__(initial)

    @property
    def expected(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def check(self, value: object) -> int:
        if (
            not isinstance(value, int | np.integer)
            or isinstance(value, bool)
            or not self.least <= value <= self.most
        ):
            raise self.wrong(value)
        return int(value)

    def parse(self, text: str) -> int:
        if len(text) > 20 or not text.removeprefix("-").isdecimal() or not text.isascii():
            raise self.wrong(text)
        return self.check(int(text))

    def grid(self, count: int) -> list[int]:
        spread = np.linspace(self.least, self.most, max(count, 1))
        return sorted({round(value) for value in spread.tolist()})


class Real(Parameter[float]):
    """A number from `least` to `most`, of a statistic and never of money. log: searched by its logarithm."""

    def __init__(self, initial: float, least: float, most: float, *, log: bool = False) -> None:
        self.least, self.most, self.log = least, most, log
        super().__init__(initial)

    @property
    def expected(self) -> str:
        return f"a number from {self.least:g} to {self.most:g}"

    def check(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(value)
        if not self.least <= value <= self.most:  # true for NaN as well
            raise self.wrong(value)
        return float(value)

    def parse(self, text: str) -> float:
        try:
            return self.check(float(text))
        except ValueError:
            raise self.wrong(text) from None

    def grid(self, count: int) -> list[float]:
        spread = np.geomspace if self.log else np.linspace
        return [float(value) for value in spread(self.least, self.most, max(count, 1))]


class Exact(Parameter[Decimal]):
    """A quantity from `least` to `most`, exact."""

    def __init__(self, initial: Decimal | int | str, least: Decimal | int, most: Decimal | int) -> None:
        self.least, self.most = Decimal(least), Decimal(most)
        super().__init__(Decimal(initial))

    @property
    def expected(self) -> str:
        return f"a decimal from {self.least} to {self.most} with at most 9 places"

    def check(self, value: object) -> Decimal:
        try:
            amount = quantity(value, self.name)
        except InvalidValue:
            raise self.wrong(value) from None
        if not self.least <= amount <= self.most:
            raise self.wrong(value)
        return amount

    def parse(self, text: str) -> Decimal:
        try:
            return self.check(Decimal(text))
        except InvalidOperation:
            raise self.wrong(text) from None

    def grid(self, count: int) -> list[Decimal]:
        least, most = (int(end.scaleb(9)) for end in (self.least, self.most))
        steps = max(count - 1, 1)
        spread = (least + (most - least) * number // steps for number in range(max(count, 1)))
        return [Decimal(value).scaleb(-9).normalize() + 0 for value in dict.fromkeys(spread)]


class Choice(Parameter[str]):
    """One of a few words."""

    def __init__(self, initial: str, *others: str) -> None:
        self.choices: Sequence[str] = (initial, *others)
        super().__init__(initial)

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.choices)}"

    def check(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise self.wrong(value)
        return value

    def parse(self, text: str) -> str:
        return self.check(text)

    def grid(self, count: int) -> list[str]:
        return list(self.choices)[: max(count, 1)]


class Flag(Parameter[bool]):
    """Yes or no."""

    @property
    def expected(self) -> str:
        return "true or false"

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(value)
        return value

    def parse(self, text: str) -> bool:
        if text not in ("true", "false"):
            raise self.wrong(text)
        return text == "true"

    def grid(self, count: int) -> list[bool]:
        return [False, True][: max(count, 1)]


def declared(kind: type) -> dict[str, Parameter[Any]]:
    """The parameters of a class and of those it comes from, in the order they were written."""
    found: dict[str, Parameter[Any]] = {}
    for each in reversed(kind.__mro__):
        found |= {name: value for name, value in vars(each).items() if isinstance(value, Parameter)}
    return found
