"""Score the splitting of sentences, and time it.

    python bench/sentences.py DATA [--json results.json]

DATA is a folder of `<language>.txt` files with one sentence a line, such as those of the Universal
Dependencies' PUD treebanks. The lines of each are joined by a space (Chinese: by nothing) and split again:
precision, recall and F1 of the boundaries inside the text, with the language told and not told; and the time
as a multiple of that of str.split on the same text.
"""

import argparse
import json
import statistics
import timeit
from collections.abc import Callable
from pathlib import Path

from digest.sentences import sentences

LANGUAGES = {
    "arabic": "ar",
    "chinese": "zh",
    "english": "en",
    "french": "fr",
    "german": "de",
    "hindi": "hi",
    "italian": "it",
    "portuguese": "pt",
    "russian": "ru",
    "spanish": "es",
    "turkish": "tr",
}
RUNS = 5


def join(lines: list[str], language: str) -> tuple[str, set[int]]:
    """Give the text and the offsets at which its sentences but the last end."""
    glue = "" if language == "zh" else " "
    ends, length = [], 0
    for line in lines:
        ends.append(length + len(line))
        length += len(line) + len(glue)
    return glue.join(lines), set(ends[:-1])


def score(text: str, wanted: set[int], language: str | None) -> tuple[float, float, float]:
    given = {sentence.end for sentence in sentences(text, language)[:-1]}
    right = len(wanted & given)
    return right / len(given), right / len(wanted), 2 * right / (len(given) + len(wanted))


def fastest(work: Callable[[], object]) -> float:
    return min(timeit.repeat(work, number=1, repeat=RUNS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    results = {}
    print(f"{'':12}{'P':>7}{'R':>7}{'F1':>7}{'untold':>8}{'M chars/s':>11}{'time':>8}")
    for path in sorted(options.data.glob("*.txt")):
        language = LANGUAGES[path.stem]
        text, wanted = join(path.read_text(encoding="utf-8").splitlines(), language)
        precision, recall, f1 = score(text, wanted, language)
        _, _, untold = score(text, wanted, None)
        seconds = fastest(lambda: sentences(text, language))  # noqa: B023 - called at once
        ratio = seconds / fastest(text.split)
        speed = len(text) / seconds / 1e6
        print(f"{path.stem:12}{precision:7.4f}{recall:7.4f}{f1:7.4f}{untold:8.4f}{speed:11.1f}{ratio:7.0f}x")
        results[path.stem] = {
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "f1 untold": untold,
            "characters per second": len(text) / seconds,
            "times str.split": ratio,
        }
    mean = statistics.fmean(figures["f1"] for figures in results.values())
    print(f"{'mean':26}{mean:7.4f}{statistics.fmean(f['f1 untold'] for f in results.values()):8.4f}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
