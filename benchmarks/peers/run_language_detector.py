"""Runs in an environment of its own: one detector of languages on a file of texts.

Usage: ``python run_language_detector.py py3langid|lingua texts.json``; prints JSON: ``codes``, the
ISO 639-1 code of each text (``und`` where the detector does not know), and ``seconds`` of the
processor.
"""

import json
import sys
import time
from collections.abc import Callable


def detector(name: str) -> Callable[[str], str]:
    """The function that tells the language of a text."""
    if name == "py3langid":
        from py3langid import classify

        return lambda text: str(classify(text)[0])
    from lingua import LanguageDetectorBuilder

    small = LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().build()

    def told(text: str) -> str:
        found = small.detect_language_of(text)
        return found.iso_code_639_1.name.lower() if found else "und"

    return told


def main() -> None:
    """Tell every text; some of them before the clock starts, so that loading is not timed."""
    tell = detector(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        texts = json.load(file)
    for text in texts[::100]:  # lingua loads a language when it first meets it
        tell(text)
    start = time.process_time()
    codes = [tell(text) for text in texts]
    print(json.dumps({"codes": codes, "seconds": time.process_time() - start}))


if __name__ == "__main__":
    main()
