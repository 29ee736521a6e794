"""The origin: a TLS nginx that plays a Git smart HTTP host with two repositories.

`small` answers a ref advertisement from memory, `big` answers a fetch with a large file of valid
sideband pkt-lines. Both want the bearer token, so a proxy that forgets to attach it is found out.
"""

import http.client
import os
import pwd
import secrets
import ssl
import subprocess

from processes import LegFailed, Server, free_port

MIB = 1 << 20
SIDEBAND_DATA = 65515  # the most that fits one packet: 65520 less four digits of length and the band

SMALL_PATH = "/git/default/small.git/info/refs"
BIG_PATH = "/git/default/big.git/git-upload-pack"
ADVERTISEMENT_TYPE = "application/x-git-upload-pack-advertisement"
RESULT_TYPE = "application/x-git-upload-pack-result"

OPENSSL_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = artifacts-gateway benchmark
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""

ORIGIN_CONFIG = """
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    output_buffers 2 256k;
    keepalive_timeout 1h;
    keepalive_time 1h;
    keepalive_requests 1000000000;
    client_max_body_size 0;

    ssl_certificate {directory}/server.pem;
    ssl_certificate_key {directory}/server.key;
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;
    ssl_session_cache shared:bench:10m;

    server {{
        listen 127.0.0.1:{port} ssl;
        listen 127.0.0.1:{h2_port} ssl http2;
        server_name localhost;
        root {directory};
        if ($http_authorization != "Bearer {token}") {{ return 403; }}

        location = {small_path} {{
            default_type {small_type};
            return 200 "{advertisement}";
        }}
        # nginx serves no file to a POST; the redirect for an error status makes it a GET of the file.
        location = {big_path} {{
            error_page 405 =200 /pack;
            return 405;
        }}
        location = /pack {{
            default_type {big_type};
            {drop_length}
        }}
        location = /nothing {{ return 200 ""; }}
    }}
    server {{
        listen 127.0.0.1:{status_port};
        location = /status {{ stub_status; }}
    }}
"""

# A filter that may append something cannot know the length, so nginx switches to chunks. It appends nothing.
DROP_LENGTH = f"add_after_body /nothing; addition_types {RESULT_TYPE};"


def pkt_line(text):
    return f"{len(text) + 4:04x}{text}"


ADVERTISEMENT = "".join(
    [pkt_line("# service=git-upload-pack\n"), "0000", pkt_line("version 2\n")]
    + [
        pkt_line(capability + "\n")
        for capability in (
            "agent=git/2.39.5",
            "ls-refs=unborn",
            "fetch=shallow wait-for-done filter sideband-all packfile-uris",
            "server-option",
            "object-format=sha1",
            "session-id=0f8a1c5e-3b1d-4d7e-9b56-6f0d1a2b3c4d",
            "object-info",
        )
    ]
    + ["0000"]
)

FETCH_BODY = (
    pkt_line("command=fetch\n")
    + pkt_line("agent=git/2.39.5\n")
    + pkt_line("object-format=sha1")
    + "0001"
    + pkt_line("ofs-delta\n")
    + pkt_line("want 5d8f3a9e0c1b2a4d6e7f8091a2b3c4d5e6f70819\n")
    + pkt_line("done\n")
    + "0000"
).encode()


def write_pack(path, total):
    """A fetch answer of exactly `total` bytes: random sideband packets, so that nothing compresses."""
    head, end = b"000dpackfile\n", b"0000"
    left = total - len(head) - len(end)
    with open(path, "wb") as file:
        file.write(head)
        while left:
            data = min(SIDEBAND_DATA, left - 5)
            if 0 < left - 5 - data <= 5:
                data -= 6  # leave enough for a last packet with at least one byte
            file.write(b"%04x\x01" % (data + 5) + os.urandom(data))
            left -= data + 5
        file.write(end)


def make_certificates(directory):
    """A CA and a certificate for `localhost`, both ECDSA P-256."""
    config = directory / "openssl.cnf"
    config.write_text(OPENSSL_CONFIG)
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for arguments in (
        ["req", "-x509", "-config", config, "-extensions", "ca", "-days", "2", *new_key]
        + ["-keyout", "ca.key", "-out", "ca.pem"],
        ["req", "-new", "-config", config, "-subj", "/CN=localhost", *new_key]
        + ["-keyout", "server.key", "-out", "server.csr"],
        ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2"]
        + ["-days", "2", "-extfile", config, "-extensions", "server", "-out", "server.pem"],
    ):
        done = subprocess.run(["openssl", *arguments], cwd=directory, capture_output=True, text=True)
        if done.returncode != 0:
            raise LegFailed(f"openssl {arguments[0]} failed:\n{done.stderr}")


def nginx_command(directory, workers, http_section):
    """Writes a self-contained nginx configuration into `directory` and returns the command for it."""
    directory.mkdir()
    user = f"user {pwd.getpwuid(0).pw_name} root;" if os.geteuid() == 0 else ""
    temp_paths = "\n".join(
        f"    {kind}_temp_path {directory}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = directory / "nginx.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"daemon off;\n{user}\nworker_processes {workers};\npid {directory}/nginx.pid;\n"
        f"error_log stderr warn;\nevents {{ worker_connections 4096; }}\n"
        f"http {{\n{temp_paths}\n{http_section}}}\n"
    )
    return ["nginx", "-p", str(directory), "-c", str(config), "-e", "stderr"]


class Origin:
    """Everything that the proxies need to know of the origin, and how many requests it has seen."""

    def __init__(self, directory, size_mib, chunked):
        self.directory = directory
        self.ca_file = directory / "ca.pem"
        self.token_file = directory / "token"
        self.token = secrets.token_hex(20)
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(self.token + "\n")
        self.size = size_mib * MIB
        self.chunked = chunked
        self.status_questions = 0
        self.port, self.h2_port, self.status_port = free_port(), free_port(), free_port()

    def start(self):
        make_certificates(self.directory)
        write_pack(self.directory / "pack", self.size)
        section = ORIGIN_CONFIG.format(
            directory=self.directory,
            port=self.port,
            h2_port=self.h2_port,
            status_port=self.status_port,
            token=self.token,
            small_path=SMALL_PATH,
            small_type=ADVERTISEMENT_TYPE,
            advertisement=ADVERTISEMENT,
            big_path=BIG_PATH,
            big_type=RESULT_TYPE,
            drop_length=DROP_LENGTH if self.chunked else "",
        )
        command = nginx_command(self.directory / "origin", 2, section)
        Server("origin", command, self.directory / "origin.log").wait_until_listening(self.port)
        self.check()

    def check(self):
        """The origin itself must behave, or no figure means anything."""
        context = ssl.create_default_context(cafile=self.ca_file)
        bearer = {"Authorization": f"Bearer {self.token}"}
        for method, path, headers, status in (
            ("GET", SMALL_PATH, bearer, 200),
            ("POST", BIG_PATH, bearer, 200),
            ("GET", SMALL_PATH, {}, 403),
            ("POST", BIG_PATH, {}, 403),
        ):
            connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=60)
            connection.request(method, path, FETCH_BODY if method == "POST" else None, headers)
            response = connection.getresponse()
            if response.status != status:
                raise LegFailed(f"origin: {method} {path} answered {response.status}, not {status}")
            if path == BIG_PATH and status == 200 and self.chunked != (response.length is None):
                raise LegFailed("origin: the big answer has the wrong framing")
            connection.close()

    def requests_seen(self):
        """How many requests have reached the origin, this question not counted in."""
        connection = http.client.HTTPConnection("127.0.0.1", self.status_port, timeout=10)
        connection.request("GET", "/status")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        self.status_questions += 1
        return int(lines[2].split()[2]) - self.status_questions
