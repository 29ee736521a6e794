"""Reads a Dockerfile and a .dockerignore: what both the checks and the build without an engine need of them."""

import fnmatch
import json
import pathlib
import re
import shlex
from dataclasses import dataclass, field

KNOWN = {
    "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN", "SHELL", "STOPSIGNAL", "USER",
    "VOLUME", "WORKDIR",
}


@dataclass
class Instruction:
    name: str
    text: str
    line: int
    flags: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """The words of the exec form, or those of the text."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)

    @property
    def pairs(self) -> dict[str, str]:
        return dict(word.partition("=")[::2] for word in self.words)


@dataclass
class Stage:
    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def last(self, name: str) -> Instruction | None:
        return next((each for each in reversed(self.instructions) if each.name == name), None)


def instructions(text: str) -> list[Instruction]:
    """Joins continued lines, drops comments, and parts flags from what follows them."""
    found: list[Instruction] = []
    parts: list[str] = []
    begin = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begin = begin if parts else number
        if line.rstrip().endswith("\\"):
            parts.append(line.rstrip()[:-1])
            continue
        name, _, rest = "".join([*parts, line]).strip().partition(" ")
        parts = []
        if name not in KNOWN:
            raise ValueError(f"line {begin}: {name} is not among the instructions that are read here")
        flags = {}
        rest = rest.strip()
        while match := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
            flags[match[1]] = match[2]
            rest = rest[match.end():]
        found.append(Instruction(name, rest, begin, flags))
    if parts:
        raise ValueError(f"line {begin}: goes on behind the end of the file")
    return found


def stages(path: pathlib.Path) -> list[Stage]:
    """The stages in order, with the arguments before the first of them put into their bases."""
    arguments: dict[str, str] = {}
    found: list[Stage] = []
    for instruction in instructions(path.read_text()):
        if instruction.name == "FROM":
            words = instruction.words
            base = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], words[0])
            found.append(Stage(base, words[2] if len(words) == 3 and words[1] == "AS" else str(len(found))))
        elif not found:
            if instruction.name != "ARG":
                raise ValueError(f"line {instruction.line}: {instruction.name} before the first FROM")
            arguments |= instruction.pairs
        else:
            found[-1].instructions.append(instruction)
    return found


def context(root: pathlib.Path) -> list[pathlib.Path]:
    """The files that a builder is sent, relative to root: the last rule of .dockerignore that fits a path decides."""
    rules = []
    for line in (root / ".dockerignore").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            rules.append((line.lstrip("!").strip("/"), line.startswith("!")))

    def is_sent(path: pathlib.PurePath) -> bool:
        sent = True
        for pattern, sends in rules:
            if any(fits(above, pattern) for above in (path, *path.parents[:-1])):
                sent = sends
        return sent

    top = {pattern.split("/")[0] for pattern, sends in rules if sends}
    if ("*", False) not in rules:
        raise ValueError(".dockerignore has to begin by leaving out everything")
    files = [path for name in sorted(top) for path in [root / name, *(root / name).rglob("*")] if path.is_file()]
    return [path.relative_to(root) for path in files if is_sent(path.relative_to(root))]


def fits(path: pathlib.PurePath, pattern: str) -> bool:
    """Whether a path is what a rule names; a `**/` stands for any number of folders, `*` for a part of one name."""
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(path.name, pattern[3:])
    parts = pattern.split("/")
    return len(parts) == len(path.parts) and all(map(fnmatch.fnmatchcase, path.parts, parts))
