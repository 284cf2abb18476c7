"""Nodes and data to text (Go: text/template, exec.go)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from tide.golang.template import functions, times
from tide.golang.template.formatting import printed
from tide.golang.template.nodes import (
    Action,
    Body,
    Branch,
    Command,
    Dot,
    Fields,
    Function,
    Leave,
    Literal,
    Nil,
    Node,
    Operand,
    Pipe,
    Text,
    Use,
    Variable,
)
from tide.golang.template.values import (
    NO_VALUE,
    ExecutionError,
    Record,
    Template,
    TemplateFailed,
    Value,
    as_bytes,
    is_true,
    type_name,
)

_DEEPEST = 50  # templates that use each other; Go allows more, none needs it
_MOST_STEPS = 100_000
_LONGEST = 1 << 20  # characters; GitHub takes far less


def render(template: Template, data: Record) -> str | TemplateFailed:
    """Render a template.

    Args:
        template: what `parse` gave.
        data: what `.` and `$` stand for.

    Returns:
        The text, or why there is none.
    """
    run = _Run(template)
    try:
        run.whole(template.body, data)
    except ExecutionError as error:
        return TemplateFailed(f"line {run.line}: {error}" if run.line else str(error))
    return as_bytes("".join(run.written)).decode("utf-8", "replace")


class _Left(Exception):  # noqa: N818 - it is no error
    """A loop was left, or this turn of it."""

    def __init__(self, *, is_break: bool) -> None:
        super().__init__()
        self.is_break = is_break


class _Run:
    def __init__(self, template: Template) -> None:
        self.written: list[str] = []
        self.line = 0
        self._template = template
        self._variables: list[tuple[str, Value]] = []
        self._steps = 0
        self._length = 0
        self._depth = 0

    def whole(self, body: Body, data: Value) -> None:
        """Walk a template of its own: it sees no variables but `$`."""
        outer, self._variables = self._variables, [("$", data)]
        self._walk(body, data)
        self._variables = outer

    def _walk(self, body: Body, dot: Value) -> None:
        for node in body:
            self._step()
            self._node(node, dot)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise ExecutionError("takes too many steps")

    def _node(self, node: Node, dot: Value) -> None:
        if isinstance(node, Text):
            self._write(node.text)
        elif isinstance(node, Action):
            value = self._pipe(node.pipe, dot)
            if not node.pipe.names:
                self._write("<no value>" if value is NO_VALUE else printed(value))
        elif isinstance(node, Branch):
            with self._scope():
                self._branch(node, dot)
        elif isinstance(node, Use):
            self._use(node, dot)
        elif isinstance(node, Leave):
            raise _Left(is_break=node.is_break)

    def _write(self, text: str) -> None:
        self._length += len(text)
        if self._length > _LONGEST:
            raise ExecutionError("gives too long a text")
        self.written.append(text)

    def _branch(self, branch: Branch, dot: Value) -> None:
        value = self._pipe(branch.pipe, dot, is_range=branch.kind == "range")
        if branch.kind == "range":
            self._range(branch, value, dot)
        elif is_true(value):
            self._walk(branch.body, value if branch.kind == "with" else dot)
        else:
            self._walk(branch.otherwise, dot)

    def _range(self, branch: Branch, value: Value, dot: Value) -> None:
        items = _items(value)
        if isinstance(value, int) and len(branch.pipe.names) > 1:
            raise ExecutionError(f"can't use {value} to iterate over more than one variable")
        if not items:
            self._walk(branch.otherwise, dot)
        for index, item in enumerate(items):
            with self._scope():
                self._step()
                self._take(branch.pipe, index, item)
                try:
                    self._walk(branch.body, item)
                except _Left as left:
                    if left.is_break:
                        return

    def _take(self, pipe: Pipe, index: int, item: Value) -> None:
        values: tuple[Value, ...] = (index, item) if len(pipe.names) > 1 else (item,)
        for name, value in zip(pipe.names, values, strict=False):
            self._set(name, value, is_assignment=pipe.is_assignment)

    def _use(self, use: Use, dot: Value) -> None:
        self.line = use.line
        if use.name not in self._template.defined:
            raise ExecutionError(f"template {use.name!r} not defined")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExecutionError("templates use each other too deeply")
        self.whole(self._template.defined[use.name], NO_VALUE if use.pipe is None else self._pipe(use.pipe, dot))
        self._depth -= 1

    @contextmanager
    def _scope(self) -> Iterator[None]:
        variables = len(self._variables)
        try:
            yield
        finally:
            del self._variables[variables:]

    def _set(self, name: str, value: Value, *, is_assignment: bool) -> None:
        if not is_assignment:
            self._variables.append((name, value))
            return
        for index in range(len(self._variables) - 1, -1, -1):
            if self._variables[index][0] == name:
                self._variables[index] = name, value
                return
        raise ExecutionError(f"undefined variable: {name}")

    def _pipe(self, pipe: Pipe, dot: Value, *, is_range: bool = False) -> Value:
        self.line = pipe.line
        value: tuple[Value, ...] = ()
        for command in pipe.commands:
            value = (self._command(command, dot, value),)
        if not is_range:
            for name in pipe.names:
                self._set(name, value[0], is_assignment=pipe.is_assignment)
        return value[0]

    def _command(self, command: Command, dot: Value, final: tuple[Value, ...]) -> Value:
        first, *rest = command.words
        if isinstance(first, Function):
            return self._function(first.name, rest, dot, final)
        if isinstance(first, Nil):
            raise ExecutionError("nil is not a command")
        if isinstance(first, Fields):
            arguments = [*(self._value(word, dot) for word in rest), *final]
            return self._fields(first, dot, arguments)
        if rest or final:
            raise ExecutionError("can't give argument to non-function")
        return self._value(first, dot)

    def _function(self, name: str, words: Sequence[Operand], dot: Value, final: tuple[Value, ...]) -> Value:
        if name in {"and", "or"}:
            return self._short_circuit(name, words, dot, final)
        value = functions.call(name, [*(self._value(word, dot) for word in words), *final])
        if isinstance(value, str) and len(value) > _LONGEST:
            raise ExecutionError("gives too long a text")
        return value

    def _short_circuit(self, name: str, words: Sequence[Operand], dot: Value, final: tuple[Value, ...]) -> Value:
        if not words and not final:
            raise ExecutionError(f"wrong number of args for {name}: want at least 1 got 0")
        value: Value = None
        for value in self._values(words, dot, final):
            if is_true(value) is (name == "or"):
                break
        return value

    def _values(self, words: Iterable[Operand], dot: Value, final: tuple[Value, ...]) -> Iterator[Value]:
        for word in words:
            yield self._value(word, dot)
        yield from final

    def _value(self, word: Operand, dot: Value) -> Value:
        """Evaluate an operand that stands by itself, or as an argument."""
        self._step()
        if isinstance(word, Dot):
            return dot
        if isinstance(word, Literal):
            return word.value
        if isinstance(word, Variable):
            return self._variable(word.name)
        if isinstance(word, Fields):
            return self._fields(word, dot, [])
        if isinstance(word, Pipe):
            return self._pipe(word, dot)
        return functions.call(word.name, []) if isinstance(word, Function) else NO_VALUE

    def _variable(self, name: str) -> Value:
        for known, value in reversed(self._variables):
            if known == name:
                return value
        raise ExecutionError(f"undefined variable: {name}")  # a range declares its own once it goes round

    def _fields(self, fields: Fields, dot: Value, arguments: list[Value]) -> Value:
        value = self._value(fields.of, dot)
        if isinstance(fields.of, Nil):
            raise ExecutionError("nil is not a value that has fields")
        *inner, last = fields.names
        for name in inner:
            value = _field(value, name, [])
        return _field(value, last, arguments)


def _field(value: Value, name: str, arguments: list[Value]) -> Value:
    if isinstance(value, datetime):
        return times.call(value, name, arguments)
    if value is None:
        raise ExecutionError(f"nil pointer evaluating {name}")
    if not isinstance(value, Record) or name not in value.fields:
        raise ExecutionError(f"can't evaluate field {name} in type {type_name(value)}")
    if arguments:
        raise ExecutionError(f"{name} has arguments but cannot be invoked as function")
    return value.fields[name]


def _items(value: Value) -> Sequence[Value]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return range(int(value))
    raise ExecutionError(f"range can't iterate over {type_name(value)}")
