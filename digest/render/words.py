"""Say in a reader's language what he asks, what became of it, and how his letters come.

What is asked may come from a stranger, and be about somebody else's address. So nothing of it is repeated as it was
written: a list, a topic, a zone or a language is printed under the name that we have for it, or not at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from digest import config
from digest.correspondence import Alarm, Answer, Holding, Outcome
from digest.model import SubscriberState
from digest.render.press import Press, locale_of
from digest.wishes import ALL, Act, Change, Command, Format, Frequency, Stance, Topic

NO_NAME = "…"
"""Stands for a list that is none of ours."""

_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command in words."""

    title: str
    rows: tuple[Row, ...] = ()


class Words:
    """The words of one language."""

    def __init__(self, press: Press, tag: str, lists: Mapping[str, config.List]) -> None:
        self.language, self.locale, self._catalogue = press.speak(tag)
        self.languages = ("en", *sorted(press.catalogues))
        self._lists = lists

    @property
    def primary(self) -> str:
        """The language without its region."""
        return self.language.lower().partition("-")[0]

    def asked(self, command: Command, list_name: str) -> Asked:
        """Say what a command asks for; `list_name` is the list it is about where it names none."""
        name = command.list or list_name
        change = command.change or Change()
        return Asked(title=self._title(command, self.title(name)), rows=tuple(self._changed(change, name)))

    def outcome(self, answer: Answer, list_name: str) -> str:
        """Say what became of a command, and if nothing, why."""
        name = answer.command.list or list_name
        match answer.outcome:
            case Outcome.DONE:
                return self._("Done.")
            case Outcome.ALREADY:
                return self._("It was so already; nothing changed.")
            case Outcome.NOT_SUBSCRIBED:
                return self._("Not done: this address is not subscribed to %(list)s.", list=self.title(name))
            case Outcome.NO_LIST:
                refused = self._("Not done: there is no list of that name.")
                return self._with(refused, self._("There is: %(names)s."), self.lists())
            case Outcome.NO_TOPIC:
                refused = self._("Not done: %(list)s has no topic of that name.", list=self.title(name))
                return self._with(refused, self._("There is: %(names)s."), self.topics(name))
            case Outcome.NO_STORY:
                return self._(
                    "Not done: we cannot tell which story you mean. Reply to the letter that it stands in, "
                    "with its number."
                )

    def set(self, holding: Holding) -> tuple[Row, ...]:
        """Say how the letters of a subscription come now."""
        state = Row(label=self._("State"), value=self.state(holding))
        if holding.state is SubscriberState.UNSUBSCRIBED or holding.list not in self._lists:
            return (state,)
        wishes = holding.wishes
        all_of_it = Change(
            frequency=wishes.frequency,
            hour=wishes.hour or "",
            zone=wishes.zone,
            topics=wishes.topics,
            minutes=wishes.minutes or 0,
            language=wishes.language or self._lists[holding.list].language,
            format=wishes.format,
        )
        return (state, *self._changed(all_of_it, holding.list))

    def state(self, holding: Holding) -> str:
        """Say whether letters come."""
        match holding.state:
            case SubscriberState.ACTIVE:
                return self._("Subscribed")
            case SubscriberState.PAUSED if holding.paused_until:
                wanted = self._lists.get(holding.list)
                zone = holding.wishes.zone or (wanted.timezone if wanted else "UTC")
                day = self.day(holding.paused_until, zone)
                return self._("Paused until %(date)s", date=day)
            case SubscriberState.PAUSED:
                return self._("Paused")
            case SubscriberState.PENDING:
                return self._("Not confirmed yet")
            case _:
                return self._("Not subscribed")

    def title(self, list_name: str) -> str:
        """Give the title of a list of ours."""
        return self._lists[list_name].title if list_name in self._lists else NO_NAME

    def names(self, list_name: str) -> tuple[Row, ...]:
        """Say by which names topics and lists can be asked for."""
        rows = []
        if topics := self.topics(list_name):
            rows.append(Row(label=self._("Topics"), value=topics))
        if sum(wanted.public for wanted in self._lists.values()) > 1:
            rows.append(Row(label=self._("Lists"), value=self.lists()))
        return tuple(rows)

    def stopped(self, alarm: Alarm, at: datetime, list_name: str) -> tuple[Row, ...]:
        """Say what has stopped at a moment, and why; the reason is the program's own, in English."""
        zone = self._lists[list_name].timezone if list_name in self._lists else "UTC"
        what = self._("all sending, of every list")
        if alarm.on:
            what = self._("the issue of %(date)s", date=format_date(alarm.on, "full", locale=self.locale))
        return (
            Row(label=self._("Stopped"), value=what),
            Row(label=self._("Since"), value=self.hour(f"{at.astimezone(ZoneInfo(zone)):%H:%M}", zone)),
            Row(label=self._("Reason"), value=alarm.reason),
        )

    def labels(self) -> dict[str, str]:
        """Name the wishes that can be changed."""
        return {
            "often": self._("How often"),
            "when": self._("When"),
            "topics": self._("More, less or nothing of a topic"),
            "length": self._("Length"),
            "language": self._("Language"),
            "format": self._("Format"),
        }

    def lists(self) -> str:
        """Name the lists that anybody may subscribe to, as one writes their names."""
        return self._joined([name for name, wanted in self._lists.items() if wanted.public])

    def topics(self, list_name: str) -> str:
        """Name the topics of a list."""
        wanted = self._lists.get(list_name)
        return self._joined([self.topic(name, list_name) for name in wanted.sections] if wanted else [])

    def topic(self, name: str, list_name: str) -> str:
        """Give the title of a topic of a list; of one that it does not have, nothing."""
        if name == ALL:
            return self._("everything else")
        wanted = self._lists.get(list_name)
        known = wanted.section_called(name) if wanted else None
        if wanted is None or known is None:
            return ""
        return wanted.sections[known].title or (self._("More") if known == config.MORE else known)

    def hour(self, hour: str, zone: str) -> str:
        """Print an hour of a place: 07:00 (Paris); of what is no hour, nothing."""
        try:
            clock = time.fromisoformat(hour)
        except ValueError:
            return ""
        printed, place = format_time(clock, "short", locale=self.locale), self._place(zone)
        return f"{printed} ({place})" if place else printed

    def day(self, moment: datetime, zone: str) -> str:
        """Print the day on which a moment falls in a zone."""
        return format_date(moment.astimezone(ZoneInfo(zone)).date(), "full", locale=self.locale)

    def _title(self, command: Command, name: str) -> str:
        number = self._number(command.story or 0)
        if command.act is Act.PAUSE and command.days:
            return self._("Pause %(list)s: %(time)s", list=name, time=self._days(command.days))
        titles = {
            Act.SUBSCRIBE: self._("Subscribe to %(list)s", list=name),
            Act.UNSUBSCRIBE: self._("Leave %(list)s", list=name),
            Act.CHANGE: self._("Change how %(list)s comes", list=name),
            Act.PAUSE: self._("Pause %(list)s until you resume it", list=name),
            Act.RESUME: self._("Resume %(list)s", list=name),
            Act.MORE: self._("More like story %(num)s", num=number),
            Act.LESS: self._("Less like story %(num)s", num=number),
            Act.FULL: self._("The whole text of story %(num)s", num=number),
            Act.DATA: self._("All that is known about you, by mail"),
            Act.ERASE: self._("Be forgotten, with all that is known about you"),
            Act.HELP: self._("What you can ask"),
        }
        return titles[command.act]

    def _changed(self, change: Change, list_name: str) -> Iterator[Row]:
        if change.frequency:
            yield Row(label=self._("How often"), value=self._frequency(change.frequency))
        yield from self._when(change, list_name)
        yield from self._stances(change.topics, list_name)
        if change.minutes:
            about = self._counted("about %(num)s minute", "about %(num)s minutes", change.minutes)
            yield Row(label=self._("Length"), value=about)
        elif change.minutes is not None:
            yield Row(label=self._("Length"), value=self._("the whole issue"))
        if change.language is not None:
            tag = change.language or self._language_of(list_name)
            if (known := locale_of(tag)) and (name := known.get_display_name(self.locale)):
                yield Row(label=self._("Language"), value=name)
        if change.format:
            values = {
                Format.HTML: self._("with layout and pictures"),
                Format.TEXT: self._("plain text"),
            }
            yield Row(label=self._("Format"), value=values[change.format])

    def _when(self, change: Change, list_name: str) -> Iterator[Row]:
        if change.hour:
            if printed := self.hour(change.hour, change.zone or ""):
                yield Row(label=self._("When"), value=printed)
        elif change.hour is not None:
            wanted = self._lists.get(list_name)
            value = self._("as soon as the issue is out")
            if wanted:
                value = self._(
                    "as soon as the issue is out: about %(time)s", time=self.hour(wanted.at, wanted.timezone)
                )
            yield Row(label=self._("When"), value=value)
        elif change.zone and (place := self._place(change.zone)):
            yield Row(label=self._("Time zone"), value=place)

    def _stances(self, topics: tuple[Topic, ...], list_name: str) -> Iterator[Row]:
        labels = {
            Stance.MORE: self._("More of"),
            Stance.USUAL: self._("As usual"),
            Stance.LESS: self._("Less of"),
            Stance.NONE: self._("Nothing of"),
        }
        for stance, label in labels.items():
            names = [self.topic(topic.name, list_name) for topic in topics if topic.stance is stance]
            if any(names):
                yield Row(label=label, value=self._joined(list(filter(None, names))))

    def _frequency(self, frequency: Frequency) -> str:
        values = {
            Frequency.DAILY: self._("every day"),
            Frequency.WEEKDAYS: self._("Monday to Friday"),
            Frequency.WEEKLY: self._("once a week"),
        }
        return values[frequency]

    def _days(self, days: int) -> str:
        if days % _WEEK == 0:
            return self._counted("%(num)s week", "%(num)s weeks", days // _WEEK)
        return self._counted("%(num)s day", "%(num)s days", days)

    def _place(self, zone: str) -> str:
        """Name the city that a zone is called after; nothing for a zone that nobody knows."""
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return ""
        known: Mapping[str, str] = self.locale.time_zones.get(zone, {})
        return known.get("city") or zone.rpartition("/")[2].replace("_", " ")

    def _language_of(self, list_name: str) -> str:
        return self._lists[list_name].language if list_name in self._lists else ""

    def _with(self, sentence: str, another: str, names: str) -> str:
        return f"{sentence} {another % {'names': names}}" if names else sentence

    def _joined(self, names: list[str]) -> str:
        return self._(", ").join(names)

    def _number(self, number: int) -> str:
        return format_decimal(number, locale=self.locale)

    def _counted(self, one: str, many: str, count: int) -> str:
        return self._catalogue.ngettext(one, many, count) % {"num": self._number(count)}

    def _(self, text: str, **values: str) -> str:
        return self._catalogue.gettext(text) % values if values else self._catalogue.gettext(text)
