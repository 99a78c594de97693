"""A private Dovecot on this machine's loopback, for the `with` block: IMAP, and LMTP to fill its mailboxes.

    with Dovecot(need("dovecot"), certificate=certificate) as dovecot:
        dovecot.deliver(mail, to="digest+help@digest.example")    # over LMTP, as a mail server would
        with dovecot.client("digest@digest.example") as imap: ...

Every address has a mailbox, made when it is first used, and one password. What stands behind a + names no other
mailbox. It has its own configuration and folders and is ended by its own process id. It needs root, as Dovecot does.
"""

import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import imapclient
from ports import free_port
from smtp_server import Certificate

PASSWORD = "open-sesame"  # noqa: S105 - of mailboxes that live for a test

_CONFIGURATION = """
base_dir = {home}/run
state_dir = {home}/run
log_path = {home}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = {ssl}
disable_plaintext_auth = no
login_trusted_networks =
mail_location = maildir:~/mail
recipient_delimiter = +
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={user} home={home}/mail/%u allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@localhost
  auth_username_format = %Lu
}}
protocol imap {{
  imap_capability = {capability}
  mail_max_userip_connections = 50
}}
"""


class Dovecot:
    """A running server.

    `port` speaks IMAP, with STARTTLS where there is a certificate, `tls_port` IMAP over TLS; `lmtp_port` takes mail.
    `capability` is what it says that it can do, instead of the truth.
    """

    def __init__(self, program: str, *, certificate: Certificate | None = None, capability: str = "") -> None:
        self._program = program
        self.port, self.tls_port, self.lmtp_port = (free_port() for _ in range(3))
        self._home = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self._home.chmod(0o755)  # its processes run as other users
        user = "mail"
        for folder in ("run", "mail"):
            (self._home / folder).mkdir()
        account = pwd.getpwnam(user)
        os.chown(self._home / "mail", account.pw_uid, account.pw_gid)
        text = _CONFIGURATION.format(
            home=self._home,
            user=user,
            password=PASSWORD,
            imap=self.port,
            imaps=self.tls_port if certificate else 0,
            lmtp=self.lmtp_port,
            capability=capability,
            ssl="yes" if certificate else "no",
        )
        if certificate:
            text += f"ssl_cert = <{certificate.file}\nssl_key = <{certificate.key}\n"
        self._configuration = self._home / "dovecot.conf"
        self._configuration.write_text(text, encoding="ascii")

    @property
    def log(self) -> str:
        path = self._home / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def deliver(self, mail: bytes, *, to: str, sender: str = "reader@mail.example") -> None:
        """Put a mail into a mailbox, with the trace headers that a server adds."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port) as line:
            line.sendmail(sender, [to], mail)

    @contextmanager
    def client(self, address: str) -> Iterator[imapclient.IMAPClient]:
        """Sign in to the mailbox of an address, with its inbox selected."""
        with imapclient.IMAPClient("127.0.0.1", self.port, ssl=False) as client:
            client.login(address, PASSWORD)
            client.select_folder("INBOX")
            yield client

    def empty(self, address: str) -> None:
        """Remove all mails from the inbox of an address."""
        with self.client(address) as client:
            client.delete_messages(client.search("ALL"))
            client.expunge()

    def inbox(self, address: str) -> list[bytes]:
        """Give the mails in the inbox of an address, oldest first."""
        with self.client(address) as client:
            found = client.fetch(client.search("ALL"), ["BODY.PEEK[]"])
            return [found[number][b"BODY[]"] for number in sorted(found)]

    def __enter__(self) -> Self:
        command = [self._program, "-F", "-c", str(self._configuration)]
        with (self._home / "log.start").open("w", encoding="utf-8") as said:
            self._process = subprocess.Popen(command, stdout=said, stderr=said)
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = (self._home / "log.start").read_text("utf-8") + self.log
                self.__exit__()
                raise RuntimeError(f"Dovecot did not start: {log}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)
        shutil.rmtree(self._home, ignore_errors=True)  # a process of its may still be leaving

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                return line.recv(4) == b"* OK"
        except OSError:
            return False
