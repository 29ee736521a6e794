#!/usr/bin/env python3
"""Restarts the gateway over and over under load, with a listening socket that outlives it, and counts failed requests.

This program does what systemd does for a socket unit: it holds the listening socket, passes it on as descriptor 3 with
LISTEN_PID and LISTEN_FDS, waits for READY=1 and sends SIGTERM. Clients ask all the while, half of them on a new
connection for each request and half on one that they keep. A kept connection may be closed between two requests, as HTTP
allows; a request that was sent must be answered.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time


class Clients:
    """Threads that ask until they are told to stop."""

    def __init__(self, port: int, count: int):
        self.port = port
        self.stopping = threading.Event()
        self.answered = 0
        self.failures: list[str] = []
        self.lock = threading.Condition()
        self.threads = [threading.Thread(target=self.run, args=(number % 2 == 0,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def wait_for_more(self, count: int) -> None:
        """Waits until so many more requests have an answer."""
        with self.lock:
            goal = self.answered + count
            if not self.lock.wait_for(lambda: self.answered >= goal, timeout=30):
                raise TimeoutError("no answers")

    def run(self, keeps: bool) -> None:
        connection = None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
                closes = self.ask(connection, keeps)
                with self.lock:
                    self.answered += 1
                    self.lock.notify()
                if closes or not keeps:
                    connection.close()
                    connection = None
            except OSError as error:
                with self.lock:
                    self.failures.append(f"{'kept' if keeps else 'new'} connection: {error!r}")
                connection = None

    def ask(self, connection: socket.socket, keeps: bool) -> bool:
        """Sends one request and reads its answer. Returns whether the server ends the connection."""
        closing = "" if keeps else "Connection: close\r\n"
        connection.sendall(f"GET /livez HTTP/1.1\r\nHost: localhost\r\n{closing}\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = connection.recv(4096)
            if not part:
                raise OSError("ended before the answer")
            answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if not head.startswith(b"HTTP/1.1 200 "):
            raise OSError(f"answered {head[:60]!r}")
        missing = int(fields.get(b"content-length", b"0")) - len(body)
        while missing > 0:
            part = connection.recv(missing)
            if not part:
                raise OSError("ended within the answer")
            missing -= len(part)
        return fields.get(b"connection") == b"close"


def start(program: str, listener: socket.socket, notified: str, folder: str) -> subprocess.Popen:
    """Starts the gateway with the socket as descriptor 3, as systemd would."""
    # LISTEN_PID is the gateway's own number, so it is set between fork and exec, by a shell that becomes the gateway.
    command = 'export LISTEN_PID=$$; exec "$0" serve --local --data-dir "$1" --log-level warning'
    environment = {"PATH": os.environ["PATH"], "HOME": folder, "LISTEN_FDS": "1", "NOTIFY_SOCKET": notified}

    def pass_socket() -> None:
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)

    return subprocess.Popen(
        ["sh", "-c", command, program, folder + "/data"], env=environment, preexec_fn=pass_socket, close_fds=False,
        stdout=subprocess.DEVNULL)


def wait_until_ready(manager: socket.socket) -> None:
    while manager.recv(4096) != b"READY=1":
        pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(folder + "/notify")
        manager.settimeout(30)
        clients = Clients(listener.getsockname()[1], arguments.clients)
        begun = time.monotonic()
        codes: dict[int, int] = {}
        for _ in range(arguments.cycles):
            gateway = start(arguments.program, listener, folder + "/notify", folder)
            wait_until_ready(manager)
            clients.wait_for_more(20)
            gateway.send_signal(signal.SIGTERM)
            code = gateway.wait(timeout=60)
            codes[code] = codes.get(code, 0) + 1
        # One more, so that whoever waits in the socket's queue gets an answer.
        gateway = start(arguments.program, listener, folder + "/notify", folder)
        wait_until_ready(manager)
        clients.stop()
        gateway.send_signal(signal.SIGTERM)
        gateway.wait(timeout=60)
        seconds = time.monotonic() - begun
    print(f"{arguments.cycles} restarts in {seconds:.1f} s, exit codes {codes}")
    print(f"{clients.answered} requests answered, {len(clients.failures)} failed")
    for failure in clients.failures[:10]:
        print(f"  {failure}")
    return 1 if clients.failures or set(codes) != {0} else 0


if __name__ == "__main__":
    sys.exit(main())
