"""Whether a sentence can do without the one before it, by how it opens and by its quotation marks."""

import regex

_LEANING = {
    "ar": "هو هي هم هذا هذه ذلك تلك هؤلاء لكن لكنه لكنها كما ثم",
    "de": "er ihm ihn dies diese dieser dieses jene jener aber doch denn und oder sondern dennoch deshalb daher"
    " dadurch damit dabei dagegen außerdem zudem jedoch trotzdem stattdessen danach daraufhin",
    "en": "he she it him her his hers its they them their theirs this that these those such but and or nor so yet"
    " then also too however moreover furthermore meanwhile instead otherwise therefore thus hence nevertheless"
    " nonetheless still similarly likewise besides both neither afterwards",
    "es": "él ella ello ellos ellas su sus esto eso esta este estos estas ese esa esos esas pero y o sino además"
    " también entonces así luego",
    "fr": "il elle ils elles lui leur leurs son sa ses cela ceci ce cet cette ces celui celle ceux mais et ou donc"
    " or ni car pourtant cependant toutefois ainsi aussi alors ensuite puis",
    "it": "egli lui lei essa esso loro ciò questo questa questi queste quello quella ma e o però inoltre quindi"
    " dunque tuttavia invece così poi anche",
    "nl": "hij zij ze hem hun dit deze die dat maar en of want echter daarom daardoor bovendien ook toch dus"
    " daarna vervolgens",
    "pt": "ele ela eles elas seu sua seus suas isto isso este esta estes estas esse essa esses essas mas e ou"
    " porém além também então assim depois contudo",
    "ru": "он она оно они его её ее их это этот эта эти тот та те но и а или однако поэтому также затем тогда"
    " потом",
    "tr": "o onun onlar onların bu bunun bunlar şu ama fakat ancak ve veya ayrıca böylece sonra çünkü",
}
_BY_LANGUAGE = {language: frozenset(words.split()) for language, words in _LEANING.items()}
_ANY = frozenset[str]().union(*_BY_LANGUAGE.values())
_NONE = frozenset[str]()

_FIRST_WORD = regex.compile(r"[^\p{L}\p{N}]*+(?P<word>\p{L}[\p{L}\p{M}]*+)")


def leans_back(sentence: str, language: str | None) -> bool:
    """Tell whether a sentence opens with a word that points to the one before, such as he, this or but.

    `language` (BCP 47) unknown, the words of all languages count that are listed; of one not listed, none.
    """
    found = _FIRST_WORD.match(sentence)
    if found is None:
        return False
    leaning = _ANY if language is None else _BY_LANGUAGE.get(language.partition("-")[0].lower(), _NONE)
    return found["word"].lower() in leaning


def is_torn(sentence: str) -> bool:
    """Tell whether a quotation begins before the sentence or goes on behind it."""
    if sentence.count('"') % 2:
        return True
    if sentence.isascii():
        return False
    if "„" in sentence:  # „so“, „so” and „so": only as many as it opens must close
        return sentence.count("„") > sum(map(sentence.count, "“”"))
    return any(_is_uneven(*map(sentence.count, marks)) for marks in ("“”", "«»"))


def _is_uneven(opening: int, closing: int) -> bool:
    return opening != closing if opening else closing % 2 == 1  # Swedish ”so”
