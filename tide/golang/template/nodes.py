"""What a template is made of (Go: text/template/parse, node.go)."""

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """Text that stands as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`."""


@dataclass(frozen=True, slots=True)
class Nil:
    """`nil`."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: str | bool | int | float


@dataclass(frozen=True, slots=True)
class Function:
    """The name of a function."""

    name: str


@dataclass(frozen=True, slots=True)
class Fields:
    """`.A.B`, `$x.A`, `(…).A`: fields of what `of` gives."""

    of: "Operand"
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x`, or `$`, which is the data as a whole."""

    name: str


@dataclass(frozen=True, slots=True)
class Command:
    """An operand, or a function with its arguments."""

    words: tuple["Operand", ...]


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each of which gets the result of the one before; the last result goes to the variables."""

    commands: tuple[Command, ...]
    names: tuple[str, ...] = ()
    is_assignment: bool = False
    line: int = 0


Operand: TypeAlias = Dot | Nil | Literal | Function | Fields | Variable | Pipe


@dataclass(frozen=True, slots=True)
class Action:
    """`{{pipeline}}`."""

    pipe: Pipe


@dataclass(frozen=True, slots=True)
class Branch:
    """`{{if}}`, `{{with}}` or `{{range}}`, as `kind` says."""

    kind: str
    pipe: Pipe
    body: "Body"
    otherwise: "Body" = field(default=())


@dataclass(frozen=True, slots=True)
class Use:
    """`{{template "name" pipeline}}`."""

    name: str
    pipe: Pipe | None
    line: int


@dataclass(frozen=True, slots=True)
class Leave:
    """`{{break}}` or `{{continue}}`."""

    is_break: bool


Node: TypeAlias = Text | Action | Branch | Use | Leave
Body: TypeAlias = tuple[Node, ...]
