"""The time zones to choose from, by part of the world, each by the name of its city in the visitor's language."""

from collections.abc import Mapping, Sequence
from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from babel.core import get_global

REGIONS = (
    "Europe",
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Indian",
    "Pacific",
)


@cache
def zones(language: str) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Give the zones of each region as (name, city), in the order of the cities' names; each zone once."""
    locale = Locale.parse(language, sep="-")
    found: dict[str, list[tuple[str, str]]] = {region: [] for region in REGIONS}
    for name in available_timezones() - get_global("zone_aliases").keys():
        region, _, city = name.partition("/")
        if region in found and city:
            found[region].append((name, city_of(name, locale)))
    return {region: sorted(cities, key=lambda zone: zone[1]) for region, cities in found.items() if cities}


def city_of(name: str, locale: Locale) -> str:
    """Give the name of a zone as a visitor reads it: that of its city; UTC is UTC."""
    canonical = get_global("zone_aliases").get(name, name)
    known = locale.time_zones.get(canonical, {}).get("city")
    return known or name.partition("/")[2].replace("_", " ").replace("/", ", ") or name
