"""Those who check signatures where mail arrives, on this machine's loopback: a DNS server, rspamd and SpamAssassin.

    with Names(need("dnsmasq"), KEYS) as names:                 publishes the keys, and knows nothing else
        with Rspamd(need("rspamd"), names.port) as rspamd:
            rspamd.allowed(mail)                                which selectors' signatures it takes
        SpamAssassin(need("spamassassin"), names.port, folder).hits(mail)

Each has its own configuration in a folder of its own, and a server is ended by its own process id: what the machine
itself runs is never touched. Nothing is asked of any other machine.
"""

import http.client
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from ports import free_port

from digest.dkim import Key
from digest.dkim.keys import record_name, zone_line

_SENDER = {"IP": "203.0.113.7", "From": "bounces@digest.example", "Rcpt": "reader@mail.example"}

_NAMES = """
port={port}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
no-poll
user={user}
address=/#/
{records}
"""

# Two domains in place of the list of all, and no rules but one: rspamd is up in a second or two, not in twenty.
_RSPAMD = """
options {{
  filters = "dkim";
  dns {{ nameserver = ["127.0.0.1:{names}"]; timeout = 2s; retransmits = 3; sockets = 1; }}
  control_socket = "{home}/control mode=0600";
  tempdir = "{home}";
  hs_cache_dir = "{home}";
  url_tld = "{home}/domains";
  disable_hyperscan = true;
  explicit_modules = [];
}}
logging {{ type = "file"; filename = "{home}/log"; level = "notice"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
actions {{ reject = 15; }}
dkim {{ time_jitter = 6h; }}
"""

_PLUGINS = """
loadplugin Mail::SpamAssassin::Plugin::Check
loadplugin Mail::SpamAssassin::Plugin::DKIM
"""

_SPAMASSASSIN = """
dns_server 127.0.0.1:{names}
skip_rbl_checks 1
use_bayes 0
"""


class _Server:
    """A program that runs for the `with` block."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="receiver-")
        self.home = Path(self._folder.name)
        self.port = free_port()

    def start(self, *command: str) -> None:
        with (self.home / "said").open("wb") as said:
            self._process = subprocess.Popen(command, stdout=said, stderr=said)

    def wait(self, *, patience: float = 60) -> None:
        deadline = time.monotonic() + patience
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                told = "".join(
                    path.read_text("utf-8", "replace") for path in self.home.glob("*") if path.is_file()
                )
                self.__exit__()
                raise RuntimeError(f"{self._process.args!r} did not start: {told[-2000:]}")
            time.sleep(0.02)

    def answers(self) -> bool:
        raise NotImplementedError

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGTERM)
        self._process.wait(timeout=30)
        self._folder.cleanup()


class Names(_Server):
    """A DNS server that publishes keys; any other name does not exist."""

    def __init__(self, program: str, keys: Sequence[Key]) -> None:
        super().__init__()
        self._program, self._keys = program, keys

    def __enter__(self) -> Self:
        strings = {record_name(key): re.findall('"[^"]+"', zone_line(key)) for key in self._keys}
        records = (f"txt-record={name},{','.join(texts)}" for name, texts in strings.items())
        user = pwd.getpwuid(os.geteuid()).pw_name
        written = _NAMES.format(port=self.port, user=user, records="\n".join(records))
        settings = self.home / "settings"
        settings.write_text(written, encoding="ascii")
        self.start(self._program, "--keep-in-foreground", f"--conf-file={settings}", "--pid-file")
        self.wait()
        return self

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5):  # DNS over TCP
                return True
        except OSError:
            return False


class Rspamd(_Server):
    """The filter, with its check of signatures alone."""

    def __init__(self, program: str, names: int) -> None:
        super().__init__()
        self._program, self._names = program, names

    def __enter__(self) -> Self:
        (self.home / "domains").write_text("example\ntest\n", encoding="ascii")
        settings = self.home / "settings"
        settings.write_text(
            _RSPAMD.format(home=self.home, port=self.port, names=self._names), encoding="ascii"
        )
        self.start(self._program, "--no-fork", "--insecure", "--config", str(settings))
        self.wait()
        return self

    def answers(self) -> bool:
        try:
            return self._ask("GET", "/ping", b"") == b"pong\r\n"
        except OSError:
            return False

    def allowed(self, mail: bytes) -> set[str]:
        """Give the selectors of the signatures that are right."""
        return self._selectors(mail, "R_DKIM_ALLOW")

    def rejected(self, mail: bytes) -> set[str]:
        """Give the selectors of those that are wrong."""
        return self._selectors(mail, "R_DKIM_REJECT")

    def _selectors(self, mail: bytes, symbol: str) -> set[str]:
        symbols: dict[str, Any] = json.loads(self._ask("POST", "/checkv2", mail))["symbols"]
        options = symbols.get(symbol, {}).get("options", ())
        return {option.partition(":s=")[2] for option in options}

    def _ask(self, verb: str, path: str, content: bytes) -> bytes:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            line.request(verb, path, content, _SENDER)
            return line.getresponse().read()
        finally:
            line.close()


class SpamAssassin:
    """The filter, with the rules that it comes with and its check of signatures."""

    def __init__(self, program: str, names: int, folder: Path) -> None:
        self._program, self._folder = program, folder
        (folder / "plugins.pre").write_text(_PLUGINS, encoding="ascii")
        (folder / "local.cf").write_text(_SPAMASSASSIN.format(names=names), encoding="ascii")

    def hits(self, mail: bytes) -> set[str]:
        """Give the rules that say something of a mail."""
        done = subprocess.run(
            [
                self._program,
                f"--siteconfigpath={self._folder}",
                f"--prefspath={self._folder / 'preferences'}",
                "--test-mode",
            ],
            input=mail,
            env={"PATH": os.environ["PATH"], "HOME": str(self._folder), "LC_ALL": "C"},
            capture_output=True,
            check=True,
            timeout=60,
        )
        found = re.search(
            r"^X-Spam-Status: .*? tests=(.*?) autolearn=", done.stdout.decode(), re.MULTILINE | re.DOTALL
        )
        assert found, done.stderr.decode()
        return set(re.split(r",\s*", found[1]))
