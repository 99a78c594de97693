"""Send one letter to many with another program; bench/delivery.py starts this as a process of its own.

    python bench/peers.py PROGRAM --port 2525 --mails 200 --folder FOLDER

FOLDER holds the letter, letter.html and letter.txt, and for the naive loop a key, rsa.pem. The programs are
django-newsletter, rss2email (whose feed has an entry of that size for each mail, as it knows no readers), and naive:
for each reader render, premailer, EmailMessage, dkimpy, and smtplib with a connection of its own. It prints as JSON how
many seconds it took and computed, without the preparations.
"""

import argparse
import html
import json
import os
import re
import resource
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

SENDER = "digest@digest.example"


def naive(port: int, mails: int, folder: Path) -> Callable[[], None]:
    import dkim  # noqa: PLC0415 - of each program only what it needs
    import jinja2  # noqa: PLC0415
    from premailer import transform  # noqa: PLC0415

    page = jinja2.Template((folder / "letter.html").read_text("utf-8") + "<!-- {{ address }} -->")
    text = jinja2.Template((folder / "letter.txt").read_text("utf-8") + "{{ address }}")
    key = (folder / "rsa.pem").read_bytes()

    def send() -> None:
        for number in range(mails):
            address = f"reader{number}@mail.example"
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = SENDER, address, "The day"
            mail["Message-ID"] = f"<{number}@digest.example>"
            mail.set_content(text.render(address=address))
            mail.add_alternative(transform(page.render(address=address)), subtype="html")
            octets = re.sub(rb"\r?\n", b"\r\n", mail.as_bytes())
            signature = dkim.sign(octets, b"s", b"digest.example", key)
            with smtplib.SMTP("127.0.0.1", port) as server:
                server.sendmail(SENDER, [address], signature + octets)

    return send


def django_newsletter(port: int, mails: int, folder: Path) -> Callable[[], None]:
    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    templates = folder / "templates/newsletter/message"
    templates.mkdir(parents=True)
    for name, there in (("message.html", "letter.html"), ("message.txt", "letter.txt")):
        letter = (folder / there).read_text("utf-8")
        (templates / name).write_text(
            "{% verbatim %}" + letter + "{% endverbatim %}{{ subscription.email }}", "utf-8"
        )
    (templates / "message_subject.txt").write_text("{{ message.title }}", "utf-8")
    apps = ["admin", "auth", "contenttypes", "sessions", "messages", "sites"]
    settings.configure(
        SECRET_KEY="a secret for a bench",  # noqa: S106
        ROOT_URLCONF="newsletter.urls",
        SITE_ID=1,
        USE_TZ=True,
        INSTALLED_APPS=[*(f"django.contrib.{app}" for app in apps), "newsletter"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "django.db"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=port,
        NEWSLETTER_THUMBNAIL="sorl-thumbnail",
        NEWSLETTER_USE_HTTPS=True,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [folder / "templates"],
                "APP_DIRS": True,
            }
        ],
    )
    django.setup()
    call_command("migrate", verbosity=0)
    from django.utils.timezone import now  # noqa: PLC0415
    from newsletter.models import Message, Newsletter, Submission, Subscription  # noqa: PLC0415

    newsletter = Newsletter.objects.create(title="Day", slug="day", email=SENDER, sender="Digest")
    newsletter.site.add(1)
    Subscription.objects.bulk_create(
        Subscription(newsletter=newsletter, email_field=f"reader{number}@mail.example", subscribed=True)
        for number in range(mails)
    )
    message = Message.objects.create(title="The day", slug="day", newsletter=newsletter)
    submission = Submission.from_message(message)
    submission.publish_date, submission.prepared = now(), True
    submission.save()
    sent: Callable[[], None] = Submission.submit_queue
    return sent


def rss2email(port: int, mails: int, folder: Path) -> Callable[[], None]:
    content = html.escape((folder / "letter.html").read_text("utf-8"))
    entries = "".join(
        f"<entry><id>urn:{number}</id><title>Letter {number}</title><updated>2026-11-20T07:00:00Z</updated>"
        f'<link href="https://digest.example/{number}"/><content type="html">{content}</content></entry>'
        for number in range(mails)
    )
    feed = folder / "feed.xml"
    feed.write_text(
        '<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:day</id><title>Day</title>'
        f"<updated>2026-11-20T07:00:00Z</updated>{entries}</feed>",
        "utf-8",
    )
    program = [Path(sys.executable).with_name("r2e"), "-c", folder / "r2e.cfg", "-d", folder / "r2e.json"]
    environment: dict[str, Any] = os.environ | {"HOME": str(folder)}

    def r2e(*arguments: str) -> None:
        subprocess.run([*program, *arguments], check=True, env=environment, capture_output=True)

    r2e("new", "reader@mail.example")
    configuration = (folder / "r2e.cfg").read_text("utf-8")
    for name, value in {
        "email-protocol": "smtp",
        "smtp-server": "127.0.0.1",
        "smtp-port": port,
        "html-mail": True,
        "from": SENDER,
    }.items():
        configuration = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", configuration)
    (folder / "r2e.cfg").write_text(configuration, "utf-8")
    r2e("add", "day", feed.as_uri())
    return lambda: r2e("run")


PROGRAMS = {"django-newsletter": django_newsletter, "rss2email": rss2email, "naive": naive}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mails", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    send = PROGRAMS[options.program](options.port, options.mails, options.folder)
    before, start = computed(), time.perf_counter()
    send()
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu": computed() - before}))


def computed() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
