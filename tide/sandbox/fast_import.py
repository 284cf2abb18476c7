"""Writes commits in the language of ``git fast-import``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tide.sandbox.commits import NewCommit


def import_command(number: int, commit: NewCommit) -> bytes:
    """Return the command that writes a commit under the mark ``:number``; parents by position are marks too."""
    name, email = commit.author
    when = f"{int(commit.at.timestamp())} +0000"
    message = commit.message.encode()
    parents = [f":{parent + 1}" if isinstance(parent, int) else parent for parent in commit.parents]
    lines = [
        # One ref per commit: fast-import lets a ref's next commit inherit from the one before otherwise.
        b"reset refs/sandbox/import\n",
        f"commit refs/sandbox/import\nmark :{number}\n".encode(),
        f"author {name} <{email}> {when}\ncommitter {name} <{email}> {when}\n".encode(),
        b"data %d\n%s\n" % (len(message), message),
        *(f"{'merge' if index else 'from'} {parent}\n".encode() for index, parent in enumerate(parents)),
    ]
    for path, content in sorted(commit.files.items()):
        quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        if content is None:
            lines.append(f"D {quoted}\n".encode())
        else:
            mode = 100755 if content.startswith(b"#!") else 100644
            lines.append(f"M {mode} inline {quoted}\n".encode() + b"data %d\n%s\n" % (len(content), content))
    return b"".join(lines) + b"\n"
