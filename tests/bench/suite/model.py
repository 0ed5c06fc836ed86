"""What the figures are declared with."""

from dataclasses import dataclass, field
from typing import Callable, Optional

OURS = "ours"
LIMIT = "limit"  # what physics, or gRPC, or the kernel asks for the same
PEER = "peer"  # what people would use instead


@dataclass(frozen=True)
class Program:
    """Run once in each round. Its words may hold {target}, {worker}, and what MEASURES of
    figures.py has; `read` makes of its output a dictionary of numbers."""

    key: str
    command: tuple
    read: Callable
    needs: tuple = ()  # programs of the system, or modules of its Python
    copies: str = "1"  # run so many at a time, and add their `rate`


@dataclass(frozen=True)
class Figure:
    key: str
    label: str
    series: str  # "PROGRAM.NUMBER"
    unit: str
    role: str = OURS
    beside: Optional[str] = None  # the key of the figure that it is held against
    aim: Optional[tuple] = None  # of that ratio: ("at most" or "at least", bound)
    ratio_series: Optional[str] = None  # where the program forms the ratio, turn by turn
    more_is_better: bool = False
    short: str = ""  # what it is called where others are held against it


@dataclass(frozen=True)
class Section:
    key: str
    title: str
    programs: tuple
    figures: tuple = ()
    note: str = ""
    daemon: Optional[str] = "plain"  # which of daemon.py; None: none
    plot: str = "bars"  # or "lines", over the sizes in the figures' keys
    text: bool = False  # the programs' own tables, as they are
    full_only: bool = False
    rounds: dict = field(default_factory=dict)  # by form, where it has its own number
