#!/usr/bin/env python3
"""Builds the images of the Dockerfile without a container engine and runs them.

    Tests/Deploy/image.py [--binary FILE] [--bind FOLDER]... [--keep]

Reads the Dockerfile and carries its instructions out, stage after stage, in folders and chroots of their own. A bare Debian
12 by debootstrap takes the place of the Debian image, and the same with this machine's Swift that of the Swift image.
--binary FILE saves the minutes that the build of the program takes: FILE, stripped, stands for what the stage makes.
--bind lets the stage of the build see one more folder of this machine.

Then each image runs as a container would: as its user, without capabilities, on a read-only root, in a network of its own.
It has to answer its probes, know an authority by its certificate, refuse what is not there, and end with 0 at its signal;
the one with git is also cloned from and pushed to. Needs root, and a mirror of Debian. Takes minutes.
"""

import argparse
import os
import pathlib
import shutil
import stat
import subprocess
import sys

import container
import dockerfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / ".build/image-test"
SIZE_LIMIT = 40_000_000
# What images of Debian's Swift have from the start, beside Swift itself.
SWIFT_PACKAGES = "binutils,git,libc6-dev,libcurl4,libedit2,libgcc-12-dev,libncurses6,libsqlite3-0,libstdc++-12-dev," \
    "libxml2,tzdata"


def say(text: str) -> None:
    print(f"image: {text}", flush=True)


def run(*command: object, **options) -> None:
    subprocess.run([str(word) for word in command], check=True, **options)


class Build:
    """The stages that were built so far, each a folder."""

    def __init__(self, binary: pathlib.Path | None, bound: list[pathlib.Path]):
        self.binary = binary
        self.bound = bound
        self.stages = dockerfile.stages(ROOT / "Dockerfile")
        self.names = {stage.name for stage in self.stages}

    def root(self, name: str) -> pathlib.Path:
        return WORK / "stages" / name

    def build(self) -> None:
        for stage in self.stages:
            if stage.name == "build" and self.binary:
                self.root("build").mkdir(parents=True, exist_ok=True)
                run("strip", "-o", self.root("build") / "artifacts-gateway", self.binary)
                say(f"build: {self.binary} in place of what the stage makes")
                continue
            begin(self.root(stage.name), stage.base, self.names)
            for instruction in stage.instructions:
                self.carry_out(stage, instruction)

    def carry_out(self, stage: dockerfile.Stage, instruction: dockerfile.Instruction) -> None:
        root = self.root(stage.name)
        match instruction.name:
            case "RUN":
                say(f"{stage.name}: line {instruction.line}: RUN")
                bound = self.bound if stage.name == "build" else []
                container.build_step(root, folder(stage, instruction), instruction.text, bound)
            case "COPY":
                self.copy(stage, instruction)
            case "WORKDIR":
                inside(root, instruction.text).mkdir(parents=True, exist_ok=True)
            case _:
                pass  # Says how to run the image, see Image.

    def copy(self, stage: dockerfile.Stage, instruction: dockerfile.Instruction) -> None:
        *sources, target = instruction.words
        place = inside(self.root(stage.name), os.path.join(folder(stage, instruction), target))
        for source in sources:
            if "from" in instruction.flags:
                origin = inside(self.root(instruction.flags["from"]), source)
                if origin.is_dir():
                    run("cp", "--archive", f"{origin}/.", place)
                    if "chown" in instruction.flags:
                        run("chown", "--recursive", instruction.flags["chown"], place)
                    continue
                copy_file(origin, place / origin.name if target.endswith("/") else place)
                continue
            files = [path for path in dockerfile.context(ROOT) if path.is_relative_to(source)]
            if not files:
                raise SystemExit(f"line {instruction.line}: {source} is not in the context")
            for path in files:
                within = path.relative_to(source)
                copy_file(ROOT / path, place / path.name if target.endswith("/") else place / within)


def begin(root: pathlib.Path, base: str, names: set[str]) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    if base == "scratch":
        root.mkdir()
    elif base in names:
        run("cp", "--archive", root.parent / base, root)
    else:
        repository = base.partition(":")[0]
        if repository not in ("debian", "swift"):
            raise SystemExit(f"nothing here can stand for {base}")
        if "bookworm" not in base:
            raise SystemExit(f"{base} is not of Debian 12")
        run("cp", "--archive", bare_debian(repository), root)
    say(f"{root.name}: from {base}")


def bare_debian(repository: str) -> pathlib.Path:
    """A bare Debian in a folder; made once."""
    place = WORK / f"bare-{repository}"
    if not place.exists():
        say(f"{place.name}: debootstrap")
        extra = [f"--include={SWIFT_PACKAGES}"] if repository == "swift" else []
        part = place.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        run("debootstrap", "--variant=minbase", *extra, "bookworm", part, stdout=subprocess.DEVNULL)
        sources = "".join(
            f"deb http://deb.debian.org/{archive} {suite} main\n" for archive, suite in
            [("debian", "bookworm"), ("debian", "bookworm-updates"), ("debian-security", "bookworm-security")])
        (part / "etc/apt/sources.list").write_text(sources)
        shutil.rmtree(part / "var/cache/apt/archives", ignore_errors=True)
        part.rename(place)
    return place


def folder(stage: dockerfile.Stage, instruction: dockerfile.Instruction) -> str:
    """The folder that an instruction works in."""
    here = "/"
    for each in stage.instructions[:stage.instructions.index(instruction)]:
        if each.name == "WORKDIR":
            here = os.path.join(here, each.text)
    return here


def inside(root: pathlib.Path, path: str) -> pathlib.Path:
    return root / path.lstrip("/")


def copy_file(source: pathlib.Path, target: pathlib.Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    run("cp", "--preserve=mode", source, target)


class Image:
    """A built stage and how it wants to be run."""

    def __init__(self, root: pathlib.Path, stage: dockerfile.Stage):
        self.root = root
        self.name = stage.name
        self.user, self.group = map(int, stage.last("USER").text.split(":"))
        self.entry = stage.last("ENTRYPOINT").words
        self.command = stage.last("CMD").words
        health = stage.last("HEALTHCHECK").text
        self.health = dockerfile.Instruction("CMD", health.removeprefix("CMD "), 0).words
        self.variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        for each in stage.instructions:
            if each.name == "ENV":
                self.variables |= each.pairs

    @property
    def size(self) -> int:
        return sum(path.lstat().st_size for path in self.root.rglob("*") if not path.is_dir() or path.is_symlink())

    def surprises(self) -> list[str]:
        """What an image should not hold: what makes its user another one or lets it leave something behind."""
        found = []
        for path in self.root.rglob("*"):
            mode = path.lstat().st_mode
            name = "/" + str(path.relative_to(self.root))
            if stat.S_ISLNK(mode) or name.startswith("/dev/"):
                continue
            if self.name == "gateway" and stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                found.append(f"{name} is set-uid or set-gid")
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                found.append(f"{name} is writable by everybody")
            if self.name == "gateway" and stat.S_ISREG(mode) and path.name in ("apt", "bash", "dash", "dpkg", "git", "sh"):
                found.append(f"{name} is there")
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, help="the program, in place of a build of it")
    parser.add_argument("--bind", type=pathlib.Path, action="append", default=[], help="a folder that the build may read")
    parser.add_argument("--keep", action="store_true", help="leave the images in .build/image-test/stages")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("chroots want root")
    swift = shutil.which("swift")
    if not arguments.binary and not swift:
        raise SystemExit("no Swift here; --binary FILE does without")
    toolchain = [pathlib.Path(swift).resolve().parents[1]] if swift else []
    build = Build(arguments.binary, [*toolchain, *arguments.bind])
    failures = []
    try:
        build.build()
        for name in ("gateway", "local"):
            stage = next(stage for stage in build.stages if stage.name == name)
            image = Image(build.root(name), stage)
            say(f"{name}: {image.size / 1e6:.1f} MB in {sum(1 for _ in image.root.rglob('*'))} files")
            if name == "gateway" and image.size > SIZE_LIMIT:
                failures.append(f"{name}: over {SIZE_LIMIT / 1e6:.0f} MB")
            failures += [f"{name}: {surprise}" for surprise in image.surprises()]
            for text, passed in container.try_out(image):
                say(f"{name}: {'' if passed else 'FAILED: '}{text}")
                if not passed:
                    failures.append(f"{name}: {text}")
    finally:
        if not arguments.keep:
            shutil.rmtree(WORK / "stages", ignore_errors=True)
    for failure in failures:
        print(f"image: failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
