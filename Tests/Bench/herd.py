"""A service for the herd: API and git in one, which counts what it is asked; and the herd itself."""

import hashlib
import http.client
import json
import os
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from load import GIT_HEADERS, POST_HEADERS
from origin import ADVERTISEMENT, ADVERTISEMENT_TYPE, RESULT_TYPE, SIDEBAND_DATA, pkt_line
from processes import LegFailed

WANT = "5d8f3a9e0c1b2a4d6e7f8091a2b3c4d5e6f70819"
LS_REFS = (pkt_line("command=ls-refs\n") + pkt_line("object-format=sha1") + "0001" + pkt_line("peel\n") + "0000").encode()
PIECE = 1 << 20


def fetch_body(*arguments):
    lines = [f"want {WANT}\n", "no-progress\n", *(f"{argument}\n" for argument in arguments), "done\n"]
    head = pkt_line("command=fetch\n") + pkt_line("agent=git/2.39.5\n") + pkt_line("object-format=sha1") + "0001"
    return (head + "".join(pkt_line(line) for line in lines) + "0000").encode()


def valid_answer(total):
    """A fetch answer of about `total` bytes whose pack has a good header and trailer, and no object."""
    pack = b"PACK" + struct.pack(">II", 2, 0) + os.urandom(total)
    pack += hashlib.sha1(pack).digest()
    pieces = [b"000dpackfile\n"]
    for start in range(0, len(pack), SIDEBAND_DATA):
        data = pack[start : start + SIDEBAND_DATA]
        pieces.append(b"%04x\x01" % (len(data) + 5) + data)
    return b"".join([*pieces, b"0000"])


class Counts:
    def __init__(self):
        self.lock = threading.Lock()
        self.fetches = self.questions = self.mints = self.in_flight = self.most_in_flight = 0

    def begin_question(self):
        with self.lock:
            self.questions += 1
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def end_question(self):
        with self.lock:
            self.in_flight -= 1

    def add(self, name):
        with self.lock:
            setattr(self, name, getattr(self, name) + 1)


class Service(ThreadingHTTPServer):
    """`answer` is sent after `delay` seconds and at `rate` bytes a second, as a service does that makes a pack."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, answer, delay=0.3, rate=50e6):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.delay, self.rate = answer, delay, rate
        self.counts = Counts()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def reply(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def result(self, value, status=200):
        body = {"result": value, "success": True, "errors": [], "messages": []}
        self.reply(status, "application/json", json.dumps(body).encode())

    def do_GET(self):
        if "/info/refs" in self.path:
            return self.reply(200, ADVERTISEMENT_TYPE, ADVERTISEMENT.encode())
        remote = f"http://127.0.0.1:{self.server.port}/git/default/herd.git"
        self.result({"id": "id-herd", "name": "herd", "remote": remote})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = self.server
        if self.path.endswith("/tokens"):
            server.counts.add("mints")
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
            value = {"id": "t1", "plaintext": "art_v1_" + "5" * 40, "scope": "read", "expires_at": end}
            return self.result(value, 201)
        if b"command=ls-refs" in body:
            server.counts.begin_question()
            time.sleep(0.03)
            # Counted out before the answer: the client may ask again as soon as it has it.
            server.counts.end_question()
            return self.reply(200, RESULT_TYPE, (pkt_line(f"{WANT} refs/heads/main\n") + "0000").encode())
        server.counts.add("fetches")
        time.sleep(server.delay)
        self.send_response(200)
        self.send_header("Content-Type", RESULT_TYPE)
        self.send_header("Content-Length", str(len(server.answer)))
        self.end_headers()
        begin, view = time.monotonic(), memoryview(server.answer)
        for start in range(0, len(view), PIECE):
            self.wfile.write(view[start : start + PIECE])
            ahead = (start + PIECE) / server.rate - (time.monotonic() - begin)
            if ahead > 0:
                time.sleep(ahead)

    def do_DELETE(self):
        self.result({"id": "t1"})


class Client(threading.Thread):
    """One clone without git: capabilities, refs, pack."""

    def __init__(self, port, barrier):
        super().__init__(daemon=True)
        self.port, self.barrier = port, barrier
        self.failure = self.asked_at = self.first_byte_at = self.digest = self.outcome = None

    def run(self):
        try:
            self.barrier.wait()
            self.clone()
        except (OSError, http.client.HTTPException, LegFailed) as problem:
            self.failure = problem

    def clone(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", "/git/herd/info/refs?service=git-upload-pack", headers=GIT_HEADERS)
        self.expect(connection.getresponse()).read()
        connection.request("POST", "/git/herd/git-upload-pack", LS_REFS, POST_HEADERS)
        self.expect(connection.getresponse()).read()
        connection.request("POST", "/git/herd/git-upload-pack", fetch_body(), POST_HEADERS)
        self.asked_at = time.monotonic()
        response = self.expect(connection.getresponse())
        self.outcome = response.headers.get("X-Artifacts-Gateway-Cache", "").split(";")[0]
        digest = hashlib.sha1()
        # The line `packfile`, the length and band of the first packet, then the pack.
        digest.update(response.read(13 + 5 + 1))
        self.first_byte_at = time.monotonic()
        while part := response.read(1 << 18):
            digest.update(part)
        self.digest = digest.digest()
        connection.close()

    def expect(self, response):
        if response.status != 200:
            raise LegFailed(f"answer {response.status}: {response.read(300)!r}")
        return response


def run_herd(port, service, count=100):
    """Figures of one cold herd."""
    barrier = threading.Barrier(count)
    clients = [Client(port, barrier) for _ in range(count)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(180)
    failures = [client.failure for client in clients if client.failure]
    if failures:
        raise LegFailed(f"{len(failures)} of {count} failed, the first with: {failures[0]!r}")
    leaders = [client.first_byte_at for client in clients if client.outcome == "miss"]
    begin = min(leaders) if leaders else min(client.first_byte_at for client in clients)
    whole = hashlib.sha1(service.answer).digest()
    counts = service.counts
    return {
        "pack fetches": counts.fetches,
        "ls-refs": counts.questions,
        "ls-refs in flight": counts.most_in_flight,
        "mints": counts.mints,
        "equal packs": sum(client.digest == whole for client in clients),
        # Whoever asks only when the leader has it already waits from then on.
        "first byte after leader's, ms": max(client.first_byte_at - max(begin, client.asked_at) for client in clients) * 1000,
        "outcomes": {word: sum(client.outcome == word for client in clients) for word in ("miss", "joined", "hit")},
    }
