"""A private Postfix on this machine's loopback, for the `with` block: it relays to one port, and to us over LMTP.

    Postfix(program, next_hop=2525)                        relays everything to that port
    Postfix(program)                                       throws everything away, once it is on its disk
    Postfix(program, lmtp={"digest.example": "unix:/run/digest/lmtp", "mail.example": "inet:127.0.0.1:2424"})

With `lmtp`, mail to those domains is handed to those sockets. `recipients` are the addresses that it knows there, or
whole domains as @mail.example; what stands behind a + counts not, and all others it refuses at RCPT. What is put off is
tried again every second.

It has its own configuration, queue and data folders and is ended by its own process id, so that the
machine's own Postfix, running or not, is never touched. It needs root, as Postfix does.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from ports import free_port

_MAIN = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log
maillog_file_prefixes = {home}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.test
mydestination =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtp_host_lookup = native
notify_classes =
"""

_RELAY = """
relayhost = [127.0.0.1]:{next_hop}
"""

_DISCARD = """
default_transport = discard
"""

# docs/howto/inbound-mail.md shows the same to operators.
_LMTP = """
relay_domains = {domains}
relay_recipient_maps = inline:{{ {recipients} }}
transport_maps = inline:{{ {transports} }}
recipient_delimiter = +
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
"""

# Postfix's own services without chroot, and none that could mail, look up or run anything else.
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
discard unix - - n - - discard
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A running relay; `port` takes mail over SMTP, `log` is what it says about it."""

    def __init__(
        self,
        program: str,
        *,
        next_hop: int | None = None,
        lmtp: Mapping[str, str] | None = None,
        recipients: Sequence[str] = (),
    ) -> None:
        self._program = program
        self.port = free_port()
        self._home = Path(tempfile.mkdtemp(prefix="postfix-"))
        self._home.chmod(0o755)  # its daemons run as another user
        self._configuration = self._home / "etc"
        self._configuration.mkdir()
        main = _MAIN.format(home=self._home)
        main += _RELAY.format(next_hop=next_hop) if next_hop else _DISCARD
        if lmtp:
            main += _LMTP.format(
                domains=", ".join(lmtp),
                recipients=", ".join(f"{address}=known" for address in recipients),
                transports=", ".join(f"{{ {domain} = lmtp:{where} }}" for domain, where in lmtp.items()),
            )
        (self._configuration / "main.cf").write_text(main, encoding="ascii")
        (self._configuration / "master.cf").write_text(_MASTER.format(port=self.port), encoding="ascii")
        (self._home / "queue").mkdir()
        (self._home / "data").mkdir()
        shutil.chown(self._home / "data", "postfix")

    @property
    def log(self) -> str:
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self._home.glob("log*")))

    @property
    def number(self) -> int:
        """The process that its daemons are children of."""
        return self._starter.pid

    @property
    def empty(self) -> bool:
        """Whether everything that it took has left."""
        postqueue = Path(self._program).with_name("postqueue")
        command = [postqueue, "-c", self._configuration, "-j"]
        return not subprocess.run(command, check=True, timeout=30, capture_output=True).stdout

    def flush(self) -> None:
        """Try at once what is deferred.

        A mail that the queue is looked through for while it is still being delivered is put off for five minutes.
        """
        postqueue = Path(self._program).with_name("postqueue")
        subprocess.run([postqueue, "-c", self._configuration, "-f"], check=True, timeout=30)

    def __enter__(self) -> Self:
        command = [self._program, "-c", str(self._configuration), "start-fg"]
        with (self._home / "log.start").open("w", encoding="utf-8") as said:
            self._starter = subprocess.Popen(command, stdout=said, stderr=said)
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._starter.poll() is not None or time.monotonic() > deadline:
                log = self.log
                self.__exit__()
                raise RuntimeError(f"Postfix did not start: {log}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        number = self._home / "queue/pid/master.pid"
        if self._starter.poll() is None and number.exists():
            os.kill(int(number.read_text("ascii")), signal.SIGTERM)  # the master; its starter waits for it
        else:
            self._starter.terminate()
        self._starter.wait(timeout=30)
        shutil.rmtree(self._home)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                return line.recv(3) == b"220"
        except OSError:
            return False
