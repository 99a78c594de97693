"""What the form of wishes offers: zones, languages and topics, and what "as usual" means for a list."""

from typing import Any

from digest import config
from digest.render.press import locale_of
from digest.web import fields
from digest.web.pages import Visit, languages
from digest.web.zones import city_of, zones


def choices(visit: Visit, wishes: config.List, *, zone: str | None = None) -> dict[str, Any]:
    """Give what the templates of that form name; `zone` is the reader's own, which may have an older name."""
    locale = visit.tongue.locale
    offered = zones(str(locale).replace("_", "-"))
    listed = {name for cities in offered.values() for name, _ in cities}
    own_zone = zone if zone and zone not in listed else ""
    known = locale_of(wishes.language)
    return {
        "list": wishes,
        "zones": offered,
        "own_zone": own_zone,
        "own_city": city_of(own_zone, locale),
        "offered": languages(visit.desk.press),
        "usual_city": city_of(wishes.timezone, locale),
        "usual_language": (known.get_display_name(locale) if known else None) or wishes.language,
        "longest": fields.LONGEST,
    }
