"""Whatever comes when, and however often one publishes: each article is printed once, and the numbers count on."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from issues import article
from makers import EXPIRY, MORNING, UNTIMED, Clock, reader, rows, subscribe, wishes
from tables import in_memory

from digest import pipeline
from digest.model import Article
from digest.store import articles

ARTICLES = st.lists(st.integers(1, 30), max_size=4)
STEPS = st.lists(
    ARTICLES.map(lambda numbers: ("ingest", numbers)) | st.integers(0, 3).map(lambda day: ("publish", day))
)


def news(number: int) -> Article:
    """Make an article that has nothing in common with those of other numbers."""
    return article(
        number, title=f"word{number}", body=(f"It{number} is{number} what{number} it{number} was{number}.",)
    )


@settings(UNTIMED, max_examples=40)
@given(steps=STEPS, fewest=st.integers(1, 3), thin_day=st.sampled_from(["wait", "say"]))
def test_every_article_is_printed_once_however_often_one_publishes(
    steps: list[tuple[str, list[int] | int]], fewest: int, thin_day: str
) -> None:
    with in_memory() as database:
        subscribe(database, reader(1), reader(2))
        wanted = wishes(method="lead", fewest_stories=fewest, thin_day=thin_day)
        clock, day = Clock(), MORNING.date()
        ingested: set[str] = set()
        printed: list[str] = []
        numbers: dict[int, int] = {}

        for _, what in [*steps, ("publish", 1)]:
            clock.forward(minutes=1)
            if isinstance(what, list):
                found = [news(number) for number in what]
                ingested |= {one.id for one in found}
                with database.transaction() as connection:
                    articles.put(connection, found, now=clock())
                continue
            day += timedelta(days=what)  # none: the same date again
            waiting = len(ingested) - len(printed)
            made = pipeline.publish(
                "daily", wanted, ["northern-wire"], database, on=day, now=clock(), expiry=EXPIRY
            )
            if made is None:
                assert (waiting < fewest, thin_day) == (True, "wait")
            elif made.new:
                printed += [telling.id for story in made.issue.stories for telling in story.articles]
                numbers[made.issue.number] = made.issue_id
                assert made.issue.thin == (waiting < fewest)
                assert len(printed) == len(ingested)

        assert len(printed) == len(set(printed))
        assert len(ingested) - len(printed) < fewest
        assert list(numbers) == list(range(1, len(numbers) + 1))
        assert len(rows(database)) == 2 * len(numbers)
