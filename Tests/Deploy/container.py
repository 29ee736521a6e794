"""Runs programs in a folder as a container engine would: namespaces, chroot, another user, no capabilities."""

import ctypes
import fcntl
import http.client
import http.server
import json
import multiprocessing
import os
import pathlib
import shlex
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
ADDRESS = ("127.0.0.1", 7080)


# MARK: Building

def build_step(root: pathlib.Path, folder: str, command: str, bound: list[pathlib.Path]) -> None:
    """Carries out a RUN in a chroot, with folders of this machine to read and their bin to run from."""
    mounts = [f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
    for path in bound:
        place = root / str(path).lstrip("/")
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        mounts.append(f"mount --bind --read-only {shlex.quote(str(path))} {shlex.quote(str(place))}")
    search = ":".join([*(f"{path}/bin" for path in bound if path.is_dir()), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
    for name in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{name}", root / "etc" / name)
    step = ["env", "-i", f"PATH={search}", "HOME=/root", "/bin/sh", "-c", f"cd {shlex.quote(folder)} && {command}"]
    script = " && ".join(["mount --make-rprivate /", *mounts, f"exec chroot {root} {shlex.join(step)}"])
    outcome = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script], check=False, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if outcome.returncode != 0:
        raise SystemExit(f"{outcome.stdout}\nended with {outcome.returncode}: {command}")


# MARK: Running

def try_out(image) -> Iterator[tuple[str, bool]]:
    """Runs an image in namespaces of its own; gives what was seen and whether it is as it should be."""
    results: multiprocessing.SimpleQueue = multiprocessing.get_context("fork").SimpleQueue()

    def work() -> None:
        try:
            enter_namespaces()
            with tempfile.TemporaryDirectory() as folder:
                for result in Trial(image, pathlib.Path(folder)).results():
                    results.put(result)
        except BaseException as error:
            results.put((f"{type(error).__name__}: {error}", False))
            raise
        finally:
            results.put(None)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    while result := results.get():
        yield result
    process.join()


def enter_namespaces() -> None:
    """Gives this process mounts and a network of its own, with a loopback device."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        request = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(device, SIOCGIFFLAGS, request + bytes(24))[:18])[1]
        fcntl.ioctl(device, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP) + bytes(24))


class Trial:
    """One image, run once."""

    def __init__(self, image, folder: pathlib.Path):
        self.image = image
        self.root = image.root
        self.folder = folder
        self.is_local = image.name == "local"
        # An engine looks the user's folder up in etc/passwd.
        self.variables = image.variables | {"HOME": "/"}
        self.warnings: list[str] = []

    def results(self) -> Iterator[tuple[str, bool]]:
        self.mount()
        if not self.is_local:
            yield from self.authorities()
        process = self.start()
        child = int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{child}/status").read_text().splitlines())
        user = str(self.image.user)
        yield f"runs as user {status['Uid'].split()[0]}, first process of its namespace", (
            set(status["Uid"].split()) == {user} and status["NSpid"].split()[-1] == "1")
        yield f"capabilities {status['CapEff']}, no new privileges {status['NoNewPrivs']}", (
            int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1")
        yield f"resident: {int(status['VmRSS'].split()[0]) / 1024:.1f} MiB", True
        for path in ("/livez", "/readyz"):
            code = self.get(path)
            yield f"{path} is {code}", code == 200
        yield self.health()
        if self.is_local:
            yield from self.git()
        begun = time.monotonic()
        os.kill(child, signal.SIGTERM)
        code = process.wait(timeout=30)
        yield f"ends with {code} after {time.monotonic() - begun:.1f} s at SIGTERM", code == 0
        self.reader.join()
        yield f"warnings in its log: {len(self.warnings)} {''.join(self.warnings)}".rstrip(), not self.warnings

    def mount(self) -> None:
        """What an engine lays into a container: devices, a name, a secret, volumes; then the root is read-only."""
        def mount(*arguments: object) -> None:
            subprocess.run(["mount", *map(str, arguments)], check=True)

        for name in ("dev", "proc", "run/secrets", "tmp"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        mount("--bind", self.root, self.root)
        mount("-t", "tmpfs", "tmpfs", self.root / "dev")
        for name in ("null", "zero", "urandom"):
            (self.root / "dev" / name).touch()
            mount("--bind", f"/dev/{name}", self.root / "dev" / name)
        owner = f"uid={self.image.user},gid={self.image.group},mode=0700"
        mount("-t", "tmpfs", "-o", owner, "tmpfs", self.root / "run/secrets")
        secret = self.root / "run/secrets/cloudflare-api-token"
        secret.touch(0o600)
        secret.write_text("opens-nothing\n")
        os.chown(secret, self.image.user, self.image.group)
        if self.is_local:
            mount("-t", "tmpfs", "-o", owner, "tmpfs", self.root / "data")
        else:
            # A volume of an engine is as the image's folder in that place.
            place = self.root / "var/cache/artifacts-gateway"
            before = place.stat()
            mount("-t", "tmpfs", "-o", f"uid={before.st_uid},gid={before.st_gid},mode=0755", "tmpfs", place)
            self.variables |= {
                "CLOUDFLARE_ACCOUNT_ID": "0123456789abcdef0123456789abcdef",
                "CLOUDFLARE_API_TOKEN_FILE": "/run/secrets/cloudflare-api-token",
            }
        mount("-o", "remount,bind,ro", self.root)

    def command(self, *words: str) -> list[str]:
        """The words, to be run within the image. The three capabilities are what chroot needs to become the user."""
        return [
            "unshare", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc",
            "setpriv", "--no-new-privs", "--bounding-set=-all,+sys_chroot,+setuid,+setgid",
            "chroot", f"--userspec={self.image.user}:{self.image.group}", "--groups=", str(self.root), *words,
        ]

    def start(self) -> subprocess.Popen:
        command = ["serve", "--local"] if self.is_local else self.image.command
        process = subprocess.Popen(
            self.command(*self.image.entry, *command), env=self.variables, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        listening = threading.Event()

        def read() -> None:
            """To the end, so that the program never waits for its log."""
            for line in process.stderr:
                record = json.loads(line)
                if record["level"] not in ("info", "notice"):
                    self.warnings.append(line.strip())
                if record["message"] == "listening":
                    listening.set()
            listening.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        if not listening.wait(timeout=60) or process.poll() is not None:
            raise RuntimeError(f"does not listen: {self.warnings}")
        return process

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection(*ADDRESS, timeout=30)
        connection.request("GET", path)
        return connection.getresponse().status

    def run(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*words), env=self.variables, capture_output=True, text=True, timeout=60, check=False)

    def health(self) -> tuple[str, bool]:
        outcome = self.run(*self.image.health)
        return f"health check ends with {outcome.returncode} {outcome.stderr}".rstrip(), outcome.returncode == 0

    def authorities(self) -> Iterator[tuple[str, bool]]:
        """The authorities of the image are those that count: a server is spoken to when one of them has signed for it."""
        server, port, asked = self.tls_server()
        check = [*self.image.entry, "check", "--online", "--api-base", f"https://localhost:{port}/client/v4"]
        outcome = self.run(*check)
        yield f"an API whose authority is unknown is not asked, code {outcome.returncode}", (
            outcome.returncode != 0 and not asked)
        bundle = self.root / "etc/ssl/certs/ca-certificates.crt"
        longer = self.folder / "bundle.pem"
        longer.write_bytes(bundle.read_bytes() + (self.folder / "cert.pem").read_bytes())
        longer.chmod(0o644)
        self.folder.chmod(0o755)
        subprocess.run(["mount", "--bind", longer, bundle], check=True)
        outcome = self.run(*check)
        subprocess.run(["umount", bundle], check=True)
        yield f"an API whose authority is in the bundle is asked, code {outcome.returncode}", bool(asked)
        server.shutdown()

    def tls_server(self) -> tuple[http.server.HTTPServer, int, list[str]]:
        asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                asked.append(self.path)
                self.send_error(403)

            do_GET = do_POST = answer

            def log_message(self, *_) -> None:
                pass

        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"],
            cwd=self.folder, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server, server.server_port, asked

    def git(self) -> Iterator[tuple[str, bool]]:
        identity = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        variables = identity | {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

        def git(*words: str, at: str = ".") -> str:
            return subprocess.run(
                ["git", *words], cwd=self.folder / at, env=variables, check=True, capture_output=True, text=True,
                timeout=60).stdout

        url = f"http://localhost:{ADDRESS[1]}/git/hello"
        git("clone", "--quiet", url, "work")
        (self.folder / "work/hi.txt").write_text("hi\n")
        git("add", ".", at="work")
        git("commit", "--quiet", "--message", "Say hi", at="work")
        git("push", "--quiet", at="work")
        head = git("rev-parse", "HEAD", at="work").strip()
        yield "git clones, pushes, and sees what it has pushed", git("ls-remote", url, "HEAD").split()[0] == head
