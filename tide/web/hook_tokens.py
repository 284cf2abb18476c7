"""The secrets that webhooks are signed with, in a file that may be replaced while we run."""

import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tide.adapters.kept_file import KeptFile
from tide.config.prow.values import GoStruct, ListOf, Text
from tide.domain.errors import ConfigError, Problem, Unauthorized
from tide.golang import yaml_reader

EVERYWHERE = "*"


class _Entry(GoStruct):
    value: Text = ""


_Entries = TypeAdapter(dict[str, ListOf[_Entry]])


@dataclass(frozen=True, slots=True)
class HookTokens:
    """Tokens by where they count: `org/repo`, `org`, or `*` for everywhere. The narrowest that there is counts alone.

    Several of one place are valid at once, so that one can be exchanged for another.
    """

    by_scope: Mapping[str, tuple[str, ...]] = field(repr=False)

    @classmethod
    def parse(cls, text: bytes) -> "HookTokens":
        """Read one token, or Prow's map of place to list of {value, created_at} (Prow: github/hmac.go).

        Raises:
            ValueError: it is neither; the message shows nothing of it.
        """
        try:
            document = yaml_reader.load(text)
        except yaml_reader.YamlError:
            document = None  # a token may hold any character
        by_scope = _several(document) if isinstance(document, dict) else {EVERYWHERE: (_single(text),)}
        if not all(token for tokens in by_scope.values() for token in tokens):
            raise ValueError("a token is empty")
        return cls(by_scope)

    def signers(self, body: bytes | bytearray, signature: bytes) -> frozenset[str]:
        """Say whose tokens make this HMAC-SHA256 of a body; all are tried, whichever fits."""
        return frozenset(scope for scope, made in self._signatures(body) if hmac.compare_digest(made, signature))

    def _signatures(self, body: bytes | bytearray) -> Iterator[tuple[str, bytes]]:
        for scope, tokens in self.by_scope.items():
            for token in tokens:
                yield scope, hmac.digest(token.encode(), body, "sha256")

    def scope_of(self, full_name: str) -> str:
        """Give the place whose tokens count for `org/repo`, or for an organisation (Prow: extractHMACs)."""
        org = full_name.partition("/")[0]
        return next((scope for scope in (full_name, org) if scope in self.by_scope), EVERYWHERE)


def _single(text: bytes) -> str:
    try:
        token = text.decode().strip()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if "\n" in token:
        raise ValueError("it has more than one line, and is no map of org/repo, org or * to a list of tokens")
    return token


def _several(document: object) -> dict[str, tuple[str, ...]]:
    try:
        entries = _Entries.validate_python(document)
    except ValidationError:
        # Not what was found, nor where: even a key may be part of a token.
        raise ValueError("it is neither one token nor a map of org/repo, org or * to a list of tokens") from None
    return {scope: tuple(entry.value for entry in listed) for scope, listed in entries.items()}


class HookTokenFile:
    """Tokens in a file, read again whenever the file changes; while it cannot be used the last ones stay in use.

    Args:
        path: the file.
        hide: is told each token, so that it is shown nowhere.

    Raises:
        ConfigError: the file cannot be used now, at the start.
    """

    def __init__(self, path: Path, hide: Callable[[str], None]) -> None:
        def read(content: bytes) -> HookTokens:
            tokens = HookTokens.parse(content)
            for token in (token for some in tokens.by_scope.values() for token in some):
                hide(token)
            return tokens

        self._file = KeptFile(path, "webhook secret", read)
        try:
            self._file.value()
        except Unauthorized as error:
            raise ConfigError(Problem("--webhook-secret-file", 0, "", str(error))) from None

    def tokens(self) -> HookTokens:
        """Give the tokens as they stand in the file now."""
        return self._file.value()
