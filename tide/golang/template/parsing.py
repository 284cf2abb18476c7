"""Tokens to nodes (Go: text/template/parse, parse.go)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

from tide.golang.template.functions import FUNCTION_NAMES
from tide.golang.template.lexing import Token, tokens
from tide.golang.template.literals import number, unquoted
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
from tide.golang.template.values import Template, TemplateSyntaxError

_T = TypeVar("_T")
_KEYWORDS = frozenset(("block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"))
_DEEPEST = 100
_OPERANDS = frozenset({"string", "raw", "char", "number", "variable", "field", "word", ".", "("})
_RANGE_VARIABLES = 2


def parse(text: str) -> Template:
    """Parse a template.

    Raises:
        TemplateSyntaxError: with what Go would also refuse, and the line within `text`.
    """
    parser = _Parser(text)
    return Template(parser.whole(), parser.defined)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._at = 0
        self._variables = ["$"]
        self._loops = 0
        self._depth = 0
        self.defined: dict[str, Body] = {}

    def whole(self) -> Body:
        body, ending = self._body(is_top=True)
        if ending.kind != "eof":
            self._refuse(f"unexpected {{{{{ending.text}}}}}", ending)
        return body

    def _body(self, *, is_top: bool = False) -> tuple[Body, Token]:
        """Read up to `end`, `else` or the end of the text, which is given too."""
        nodes: list[Node] = []
        with self._deeper():
            while True:
                token = self._next_past_space()
                if token.kind == "eof" or (token.kind == "word" and token.text in {"end", "else"}):
                    return tuple(nodes), token
                if token.kind == "text":
                    nodes.append(Text(token.text))
                elif token.kind == "word" and token.text == "define" and is_top:
                    self._define()
                else:
                    nodes.append(self._node(token))

    def _node(self, token: Token) -> Node:
        actions: dict[str, Callable[[Token], Node]] = {
            **dict.fromkeys(("if", "with", "range"), self._branch),
            **dict.fromkeys(("break", "continue"), self._leave),
            "template": self._use,
            "block": self._block,
        }
        if token.kind == "word" and token.text in actions:
            return actions[token.text](token)
        self._back()
        return Action(self._pipe("end"))

    def _branch(self, start: Token) -> Branch:
        with self._scope():
            pipe = self._pipe("end", is_range=start.text == "range")
            self._loops += start.text == "range"
            body, ending = self._body()
            self._loops -= start.text == "range"
            otherwise = self._otherwise(start.text, ending)
        return Branch(start.text, pipe, body, otherwise)

    def _otherwise(self, kind: str, ending: Token) -> Body:
        """Read what follows `else`, if that is what ended a body."""
        if ending.text != "else":
            self._expect_end(ending)
            self._expect("end")
            return ()
        following = self._next_past_space()
        if following.kind == "word" and following.text == kind and kind in {"if", "with"}:
            return (self._branch(following),)
        if following.kind != "end":
            self._refuse(f"unexpected {following.text!r} behind else", following)
        body, ending = self._body()
        if ending.text == "else":
            self._refuse("expected end; found {{else}}", ending)
        self._expect_end(ending)
        self._expect("end")
        return body

    def _expect_end(self, token: Token) -> None:
        if token.kind == "eof":
            self._refuse("unexpected EOF: {{end}} is missing", token)

    def _leave(self, start: Token) -> Leave:
        if not self._loops:
            self._refuse(f"{{{{{start.text}}}}} outside {{{{range}}}}", start)
        self._expect("end")
        return Leave(is_break=start.text == "break")

    def _define(self) -> None:
        name = self._template_name("define")
        self._expect("end")
        self._add(name)

    def _add(self, name: str) -> None:
        """Read the body of a template that is defined inside of this one; it sees no variables but `$`."""
        variables, self._variables = self._variables, ["$"]
        loops, self._loops = self._loops, 0
        body, ending = self._body()
        self._variables, self._loops = variables, loops
        if ending.text == "else":
            self._refuse("unexpected {{else}}", ending)
        self._expect_end(ending)
        self._expect("end")
        if self.defined.get(name) and body and not _is_blank(body):
            self._refuse(f"template: multiple definition of template {name!r}", ending)
        if not (name in self.defined and _is_blank(body)):
            self.defined[name] = body

    def _use(self, start: Token) -> Use:
        name = self._template_name("template")
        if self._peek_past_space().kind == "end":
            self._next_past_space()
            return Use(name, None, start.line)
        return Use(name, self._pipe("end"), start.line)

    def _block(self, start: Token) -> Use:
        name = self._template_name("block")
        pipe = self._pipe("end")
        self._add(name)
        return Use(name, pipe, start.line)

    def _template_name(self, keyword: str) -> str:
        token = self._next_past_space()
        if token.kind not in {"string", "raw"}:
            self._refuse(f"{keyword} needs a name in quotes, not {token.text!r}", token)
        return self._constant(token, unquoted)

    def _pipe(self, end: str, *, is_range: bool = False) -> Pipe:
        """Read a pipeline and what ends it."""
        start = self._peek_past_space()
        with self._deeper():
            names, is_assignment = self._declaration(is_range=is_range)
            commands = self._commands(end)
        return Pipe(tuple(commands), names, is_assignment, start.line)

    def _declaration(self, *, is_range: bool) -> tuple[tuple[str, ...], bool]:
        """Read `$x :=`, `$x =`, and for a range also `$i, $x :=`."""
        before, names = self._at, []
        while self._peek_past_space().kind == "variable":
            names.append(self._next_past_space().text)
            if is_range and len(names) < _RANGE_VARIABLES and self._peek_past_space().kind == ",":
                self._next_past_space()
                continue
            break
        mark = self._peek_past_space()
        if not names or mark.kind not in {":=", "="}:
            if len(names) == _RANGE_VARIABLES:
                self._refuse("range can only initialize variables", mark)
            self._at = before
            return (), False
        self._next_past_space()
        self._variables += names  # also for `=`: whether there is one to set shows when it is
        return tuple(names), mark.kind == "="

    def _commands(self, end: str) -> list[Command]:
        commands: list[Command] = []
        while True:
            token = self._next_past_space()
            if token.kind == end:
                self._check(commands, token)
                return commands
            if token.kind not in _OPERANDS:
                self._refuse(_unexpected(token), token)
            self._back()
            commands.append(self._command())

    def _check(self, commands: list[Command], token: Token) -> None:
        if not commands:
            self._refuse("missing value", token)
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.words[0], Literal | Dot | Nil):
                self._refuse(f"non executable command in pipeline stage {stage}", token)

    def _command(self) -> Command:
        words: list[Operand] = []
        while True:
            token = self._peek_past_space()
            if token.kind in _OPERANDS:
                words.append(self._operand())
                token = self._next()
                if token.kind == "space":
                    continue
            else:
                self._next_past_space()
            if token.kind in {"end", ")"}:
                self._back()
            elif token.kind != "|":
                self._refuse(_unexpected(token), token)
            return Command(tuple(words))

    def _operand(self) -> Operand:
        token = self._next_past_space()
        term = self._term(token)
        names: list[str] = []
        while self._peek().kind == "field":
            names.append(self._next().text[1:])
        if not names:
            return term
        if isinstance(term, Literal | Dot | Nil):
            self._refuse(f"unexpected .{names[0]} behind {token.text!r}", token)
        if isinstance(term, Fields) and token.kind == "field":
            return Fields(term.of, (*term.names, *names))
        return Fields(term, tuple(names))

    def _term(self, token: Token) -> Operand:
        if token.kind == "word":
            return self._word(token)
        if token.kind == ".":
            return Dot()
        if token.kind == "field":
            return Fields(Dot(), (token.text[1:],))
        if token.kind == "variable":
            if token.text not in self._variables:
                self._refuse(f"undefined variable {token.text!r}", token)
            return Variable(token.text)
        if token.kind == "(":
            return self._pipe(")")
        return Literal(self._literal(token))

    def _word(self, token: Token) -> Operand:
        if token.text in {"true", "false"}:
            return Literal(token.text == "true")
        if token.text == "nil":
            return Nil()
        if token.text in _KEYWORDS:
            self._refuse(f"unexpected {{{{{token.text}}}}}", token)
        if token.text not in FUNCTION_NAMES:
            self._refuse(f"function {token.text!r} not defined", token)
        return Function(token.text)

    def _literal(self, token: Token) -> str | int | float:
        if token.kind == "number":
            return self._constant(token, number)
        text = self._constant(token, unquoted)
        if token.kind == "char":
            if len(text) != 1:
                self._refuse(f"malformed character constant {token.text}", token)
            return ord(text)
        return text

    def _constant(self, token: Token, read: Callable[[str], _T]) -> _T:
        try:
            return read(token.text)
        except ValueError as error:
            self._refuse(str(error), token)

    @contextmanager
    def _scope(self) -> Iterator[None]:
        variables = len(self._variables)
        yield
        del self._variables[variables:]

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _DEEPEST:
            self._refuse("nested too deeply", self._peek())
        yield
        self._depth -= 1

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _back(self) -> None:
        self._at -= 1

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next_past_space(self) -> Token:
        token = self._next()
        return self._next() if token.kind == "space" else token

    def _peek_past_space(self) -> Token:
        return self._tokens[self._at + (self._peek().kind == "space")]

    def _expect(self, kind: str) -> None:
        token = self._next_past_space()
        if token.kind != kind:
            self._refuse(_unexpected(token), token)

    def _refuse(self, message: str, token: Token) -> NoReturn:
        raise TemplateSyntaxError(token.line, message)


def _unexpected(token: Token) -> str:
    if token.kind == "eof":
        return "unexpected EOF"
    return f"unexpected {token.text!r} in a pipeline"


def _is_blank(body: Body) -> bool:
    """Tell whether there is nothing but white space; such a definition never takes the place of another."""
    return all(isinstance(node, Text) and not node.text.strip() for node in body)
