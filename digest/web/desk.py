"""What the readers' pages stand on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from digest import config
from digest.render import Press
from digest.store import Database
from digest.subscribe import Readers
from digest.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The parts of the program that pages use."""

    settings: config.Settings
    database: Database
    readers: Readers
    press: Press
    tokens: Tokens
    clock: Callable[[], datetime]
    notify: Callable[[], object]  # hears that there may be letters to send; returns at once

    @property
    def public_lists(self) -> Mapping[str, config.List]:
        """The lists that anybody may subscribe to."""
        return {name: wishes for name, wishes in self.settings.lists.items() if wishes.public}

    @property
    def host(self) -> str:
        """The name under which readers find the pages."""
        return urlsplit(self.settings.publisher.url).hostname or ""

    def title(self, list_name: str) -> str:
        """Give the title of a list, or of one that the settings have no more, its name."""
        wishes = self.settings.lists.get(list_name)
        return wishes.title if wishes else list_name
