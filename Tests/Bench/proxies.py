"""The proxies under test, each with one thread and the settings that suit it best.

All listen in the clear, speak verified TLS with SNI to the origin over a keep-alive pool, and
attach the bearer token. nginx and HAProxy get the paths of the origin as they are and need not
rewrite them; the gateway gets its own short paths and maps them, as its users do.
"""

import shutil
from pathlib import Path

from origin import BIG_PATH, SMALL_PATH, nginx_command
from processes import Server, free_port

SERVICE = "?service=git-upload-pack"

NGINX_CONFIG = """
    access_log off;
    tcp_nodelay on;
    keepalive_timeout 1h;
    keepalive_time 1h;
    keepalive_requests 1000000000;

    upstream origin {{
        server 127.0.0.1:{origin_port};
        keepalive 256;
        keepalive_time 1h;
        keepalive_timeout 1h;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Host localhost;
        proxy_set_header Connection "";
        proxy_set_header Authorization "Bearer {token}";
        proxy_ssl_protocols TLSv1.3;
        proxy_ssl_verify on;
        proxy_ssl_trusted_certificate {ca_file};
        proxy_ssl_server_name on;
        proxy_ssl_name localhost;
        proxy_buffering on;
        proxy_max_temp_file_size 0;

        location / {{ proxy_pass https://origin; }}
        location = {big_path} {{
            proxy_pass https://origin;
            proxy_buffer_size 64k;
            proxy_buffers 8 64k;
            proxy_busy_buffers_size 64k;
        }}
    }}
"""

HAPROXY_CONFIG = """
global
    nbthread 1
    maxconn 4096
    tune.bufsize 65536
    tune.h2.initial-window-size 1048576
defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
    http-reuse always
frontend clients
    bind 127.0.0.1:{port}
    http-request set-header Authorization "Bearer {token}"
    default_backend origin
backend origin
    server origin 127.0.0.1:{origin_port} ssl verify required ca-file {ca_file} verifyhost localhost sni str(localhost) alpn {alpn}
"""

GATEWAY_OPTIONS = [
    *("--allow-remote-host", "localhost"),
    *("--threads", "1"),
    *("--log-level", "warning"),
    *("--log-format", "json"),
]

# Every request goes to the origin, as it does through the others.
PROXYING = ["--advertisement-ttl=0", "--cache-size=0", "--upstream-limit=0"]


class Proxy:
    """One proxy: how to start it, and under which paths it serves the two repositories."""

    kind = ""
    small_path = SMALL_PATH + SERVICE
    big_path = BIG_PATH

    def __init__(self, origin, http2=False):
        self.origin = origin
        self.http2 = http2
        self.name = self.kind + (" h2" if http2 else "")
        self.port = free_port()
        self.server = None

    @property
    def origin_port(self):
        return self.origin.h2_port if self.http2 else self.origin.port

    def command(self, directory):
        raise NotImplementedError

    def start(self):
        file_name = self.name.replace(" ", "-")
        command = self.command(self.origin.directory / file_name)
        self.server = Server(self.name, command, self.origin.directory / f"{file_name}.log")
        self.server.wait_until_listening(self.port)


class Nginx(Proxy):
    kind = "nginx"

    def command(self, directory):
        section = NGINX_CONFIG.format(
            port=self.port,
            origin_port=self.origin_port,
            token=self.origin.token,
            ca_file=self.origin.ca_file,
            big_path=BIG_PATH,
        )
        return nginx_command(directory, 1, section)


class HAProxy(Proxy):
    kind = "haproxy"

    def command(self, directory):
        config = directory.with_suffix(".cfg")
        config.touch(mode=0o600)
        config.write_text(
            HAPROXY_CONFIG.format(
                port=self.port,
                origin_port=self.origin_port,
                token=self.origin.token,
                ca_file=self.origin.ca_file,
                alpn="h2" if self.http2 else "http/1.1",
            )
        )
        return ["haproxy", "-db", "-q", "-f", str(config)]


class Gateway(Proxy):
    kind = "gateway"
    small_path = "/git/small/info/refs" + SERVICE
    big_path = "/git/big/git-upload-pack"

    def __init__(self, origin, http2=False, binary="", extra=()):
        super().__init__(origin, http2)
        self.binary = Path(binary).resolve()
        self.extra = list(extra)

    def command(self, directory):
        template = f"https://localhost:{self.origin_port}/git/{{namespace}}/{{repo}}.git"
        return [
            *(str(self.binary), "serve"),
            *("--listen", f"127.0.0.1:{self.port}"),
            *("--remote-template", template),
            *("--static-token-file", str(self.origin.token_file)),
            *("--ca-file", str(self.origin.ca_file)),
            *GATEWAY_OPTIONS,
            *(["--upstream-http", "2"] if self.http2 else []),
            *self.extra,
        ]


def proxies_to_test(origin, options):
    """All that is installed, and a line for each that is not."""
    proxies, notes = [Nginx(origin)], []
    if shutil.which("haproxy"):
        proxies += [HAProxy(origin)] + ([HAProxy(origin, http2=True)] if options.h2 else [])
    else:
        notes.append("haproxy is not installed, its legs are skipped: apt-get install haproxy")
    if Path(options.gateway).is_file():
        for http2 in (False, True) if options.h2 else (False,):
            proxies.append(Gateway(origin, http2, options.gateway, PROXYING + options.gateway_arg))
    else:
        notes.append(
            f"no gateway binary at {options.gateway}, its legs are skipped: "
            "swift build -c release, or --gateway PATH"
        )
    return proxies, notes
