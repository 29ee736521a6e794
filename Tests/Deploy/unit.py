"""Reads a unit of systemd and starts its service as systemd would: credentials, sockets, notifications."""

import http.client
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import tempfile

from findings import Findings



class Unit:
    """The settings of a unit; each may stand more than once."""

    def __init__(self, path: pathlib.Path):
        self.settings: dict[str, list[str]] = {}
        for line in path.read_text().splitlines():
            if line and not line.startswith(("#", "[", ";")):
                name, _, value = line.partition("=")
                self.settings.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        return self.settings.get(name, [])

    def one(self, name: str) -> str:
        return self.settings[name][-1]

    @property
    def command(self) -> list[str]:
        return shlex.split(self.one("ExecStart"))

    @property
    def variables(self) -> dict[str, str]:
        pairs = [pair for line in self.all("Environment") for pair in shlex.split(line)]
        return dict(pair.replace("%C", "/var/cache").partition("=")[::2] for pair in pairs)


class Service:
    """A service that runs; what it has said to its manager, and its end."""

    def __init__(self, unit: Unit, root: pathlib.Path, folder: pathlib.Path, program: pathlib.Path, has_socket: bool):
        """Starts the program with the words of the unit. Files that it names are those under root."""
        self.folder = folder
        self.said: list[str] = []
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / "notify"))
        self.manager.settimeout(30)
        name, _, _ = unit.one("LoadCredential").partition(":")
        credentials = folder / "credentials"
        credentials.mkdir()
        (credentials / name).write_text("opens-nothing\n")
        # An access control list lets the service's user read, and shows as a permission of the group.
        (credentials / name).chmod(0o440)
        variables = unit.variables | {
            "PATH": os.environ["PATH"], "CREDENTIALS_DIRECTORY": str(credentials), "NOTIFY_SOCKET": str(folder / "notify"),
            "CLOUDFLARE_ACCOUNT_ID": "0123456789abcdef",
        }
        words = [self.under(root, word) for word in unit.command[1:]]
        self.listener = socket.create_server(("127.0.0.1", 0))
        if has_socket:
            variables |= {"LISTEN_FDS": "1"}
        else:
            self.listener.close()
            variables |= {"ARTIFACTS_GATEWAY_LISTEN": f"unix:{folder}/http"}
        # LISTEN_PID is the program's own number, so it is set between fork and exec, by a shell that becomes the program.
        start = 'export LISTEN_PID=$$; exec "$@"' if has_socket else 'exec "$@"'

        def pass_socket() -> None:
            if has_socket:
                os.dup2(self.listener.fileno(), 3)
                os.set_inheritable(3, True)

        self.log = open(folder / "log", "w+")  # Stays open as long as the service may write.
        self.process = subprocess.Popen(
            ["sh", "-c", start, "sh", str(program), *words], env=variables, preexec_fn=pass_socket, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=self.log)
        self.address = self.listener.getsockname() if has_socket else str(folder / "http")

    @staticmethod
    def under(root: pathlib.Path, word: str) -> str:
        return str(root / word.lstrip("/")) if word.startswith("/") else word

    def wait_for(self, state: str) -> bool:
        """Whether the service says so, before it ends or half a minute is over."""
        while state not in self.said:
            if self.process.poll() is not None:
                self.manager.settimeout(0)
            try:
                self.said += self.manager.recv(4096).decode().splitlines()
            except OSError:
                return False
        return True

    def get(self, path: str) -> tuple[int, bytes]:
        """The status and the body of an answer."""
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        with socket.socket(family) as connection:
            connection.settimeout(30)
            connection.connect(self.address)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def end(self) -> None:
        """Leaves nothing behind, whatever has happened."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.manager.close()
        self.listener.close()

    @property
    def printed(self) -> str:
        return (self.folder / "log").read_text()


def hold_service(
    unit: Unit, root: pathlib.Path, program: pathlib.Path, has_socket: bool, where: str,
    findings: Findings,
) -> None:
    """Starts a unit's service, asks it whether it lives, and ends it."""
    with tempfile.TemporaryDirectory() as name:
        service = Service(unit, root, pathlib.Path(name), program, has_socket)
        try:
            if findings.expect(service.wait_for("READY=1"), f"{where}: does not get ready: {service.printed}"):
                for path in ("/livez", "/readyz"):
                    status, _ = service.get(path)
                    findings.expect(status == 200, f"{where}: {path} is {status}")
            service.process.send_signal(signal.SIGHUP)
            status, _ = service.get("/livez")
            findings.expect(status == 200, f"{where}: /livez is {status} at a reload")
            code = service.stop()
            findings.expect(code == 0, f"{where}: ends with {code}: {service.printed}")
            findings.expect(service.wait_for("STOPPING=1"), f"{where}: does not say that it stops")
        finally:
            service.end()
