"""Each pure step alone, as a filter: `digest step NAME`, JSON Lines in, JSON Lines out.

One line comes out for each line that goes in, in order; what cannot be done has an `error` field instead of a result.
All but `group` answer each line at once.
"""

import base64
import json
import math
import sys
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from digest.cli.screen import app
from digest.errors import DigestError
from digest.extract.language import normalise
from digest.model import PARAGRAPH_BREAK, Article, Document, Method, When, instant, parse_when
from digest.plain import to_json

T = TypeVar("T")

step = typer.Typer(help="Run one pure step over JSON Lines from standard input.", no_args_is_help=True)
app.add_typer(step, name="step")


class WrongLineError(DigestError):
    """A line does not hold what the step takes."""


@step.command()
def extract() -> None:
    """{id, html or text, url?} → {id, title, author, published, modified, dateline, votes, language, body}.

    `published` and `modified` are ISO 8601 days or moments, `body` is the list of paragraphs.
    """
    from digest.extract import extract as read  # noqa: PLC0415

    def one(line: dict[str, Any]) -> dict[str, Any]:
        html, text = _field(line, "html", str, None), _field(line, "text", str, None)
        if (html is None) == (text is None):
            raise WrongLineError("give either html or text")
        document = Document(
            content=(html if html is not None else text).encode("utf-8", "replace"),
            origin=str(line.get("id") or "the line"),
            media_type="text/plain" if html is None else "text/html",
            charset="utf-8",
            url=_field(line, "url", str, None),
        )
        article = read(document).articles[0]
        return {
            "title": article.title,
            "author": article.author,
            "published": _day(article.published),
            "modified": _day(article.modified),
            "dateline": article.dateline,
            "votes": article.votes,
            "language": article.language,
            "body": list(article.body),
        }

    _filter(one)


@step.command()
def summarise(
    sentences: Annotated[int, typer.Option(min=1, help="Sentences, at most.")] = 3,
    method: Annotated[Method, typer.Option(help="How they are chosen.")] = Method.DIGEST,
) -> None:
    """{id, title?, text, lang?} → {id, sentences: [{text, start, end}]}, spans of the text in its order."""
    from digest.summarise import summarise as choose  # noqa: PLC0415

    def one(line: dict[str, Any]) -> dict[str, Any]:
        chosen = choose(
            _field(line, "text", str),
            sentences=sentences,
            method=method,
            title=_field(line, "title", str, None) or "",
            language=_field(line, "lang", str, None),
        )
        return {"sentences": to_json(chosen)}

    _filter(one)


@step.command()
def bounce() -> None:
    """{id, mail_base64} → {id, kind, recipients: [{address, reason, permanent}]}.

    `kind` is bounce, complaint, autoreply, delivered or ordinary.
    """
    from digest.bounces.classify import classify  # noqa: PLC0415

    def one(line: dict[str, Any]) -> dict[str, Any]:
        try:
            mail = base64.b64decode(_field(line, "mail_base64", str), validate=True)
        except ValueError:
            raise WrongLineError("mail_base64 is no base64") from None
        report = classify(mail)
        told = [
            {"address": one.address, "reason": one.reason, "permanent": one.permanent}
            for one in report.recipients
        ]
        return {"kind": report.kind, "recipients": told}

    _filter(one)


@step.command()
def group() -> None:
    """{id, title?, text?, published?, source?, lang?} → {id, story}, the id of the story's earliest article.

    All of the input is read before the first answer.
    """
    from digest.group import group as threads_of  # noqa: PLC0415

    told: Counter[str] = Counter()

    def one(line: dict[str, Any]) -> Article:
        address = json.dumps(line.get("id"), sort_keys=True)
        told[address] += 1  # an id may come again; each line is an article all the same
        text = _field(line, "text", str, None) or ""
        return Article(
            source=_field(line, "source", str, None) or "",
            title=_field(line, "title", str, None) or "",
            body=tuple(filter(None, map(str.strip, text.split(PARAGRAPH_BREAK)))),
            url=f"{address} {told[address]}",
            language=normalise(_field(line, "lang", str, None)),
            published=_moment(_field(line, "published", str, None)),
        )

    answers = [_tried(raw, one) for raw in sys.stdin.buffer]
    threads = threads_of([article for _, article, _ in answers if article])
    first: dict[str, tuple[Any, Any]] = {}
    for at, (name, article, _) in enumerate(answers):
        if article:
            place = (*_earliness(article, name), at)
            first[threads[article.id]] = min(
                first.get(threads[article.id], (place, name)), (place, name), key=lambda held: held[0]
            )
    for name, article, problem in answers:
        _answer(name, {"story": first[threads[article.id]][1]} if article else {"error": problem})


_REQUIRED = object()


def _field(line: dict[str, Any], name: str, kind: type, default: Any = _REQUIRED) -> Any:
    """Give a field of the line, checked; null counts as left out."""
    value = line.get(name)
    if value is None:
        if default is _REQUIRED:
            raise WrongLineError(f"{name} is missing")
        return default
    if not isinstance(value, kind):
        raise WrongLineError(f"{name} should be a {kind.__name__}, not {type(value).__name__}")
    return value


def _filter(one: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Run `one` over each line of standard input."""
    for raw in sys.stdin.buffer:
        name, result, problem = _tried(raw, one)
        _answer(name, {"error": problem} if result is None else result)


def _tried(raw: bytes, one: Callable[[dict[str, Any]], T]) -> tuple[Any, T | None, str]:
    """Give the line's id, what `one` makes of it, or else why it could not."""
    line: Any = None
    result, problem = None, ""
    try:
        line = json.loads(raw)
        if not isinstance(line, dict):
            raise WrongLineError("the line is no JSON object")
        result = one(line)
    except (ValueError, RecursionError) as error:
        problem = f"the line is no JSON: {error}" if line is None else str(error)
    except DigestError as error:
        problem = str(error)
    return (line.get("id") if isinstance(line, dict) else None), result, problem


def _answer(name: Any, result: dict[str, Any]) -> None:
    text = json.dumps({"id": name, **result}, ensure_ascii=False)
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def _moment(text: str | None) -> When | None:
    try:
        return parse_when(text) if text else None
    except ValueError:
        raise WrongLineError(f"published should be an ISO 8601 day or moment, not {text!r:.60}") from None


def _earliness(article: Article, name: Any) -> tuple[Any, ...]:
    """Sort by time, the undated last, then by id, numbers first."""
    when = instant(article.published).timestamp() if article.published else math.inf
    number = name if isinstance(name, int | float) and math.isfinite(name) else math.inf
    return when, number, json.dumps(name, sort_keys=True)


def _day(when: When | None) -> str | None:
    return None if when is None else when.isoformat()
