"""Gopher's two filters: too much repetition, and not the words and lines of prose.

Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher",
arXiv:2112.11446, appendix A.1.1 and table A1. Bullets, stop words and signs as there.
"""

from tasks.preprocess.quality.statistics import DUPLICATE_SIZES, TOP_SIZES, Statistics
from tasks.quality_params import GopherQualityParams, GopherRepetitionParams

BULLETS = ("•", "-", "·", "●", "○", "■", "▪", "*", "‣", "–")
ELLIPSES = ("...", "…")


def gopher_repetition(document: Statistics, limits: GopherRepetitionParams) -> str | None:
    """Why a document repeats itself too much; None where it does not."""
    share, characters = document.repeated_paragraphs
    if share > limits.paragraphs:
        return "paragraphs repeat"
    if characters > limits.paragraph_characters:
        return "much text is in paragraphs that repeat"
    share, characters = document.repeated_lines
    if share > limits.lines:
        return "lines repeat"
    if characters > limits.line_characters:
        return "much text is in lines that repeat"
    top, duplicate = document.n_grams
    for size, found, limit in zip(TOP_SIZES, top, limits.top_n_grams, strict=True):
        if found > limit:
            return f"one phrase of {size} words all over"
    for size, found, limit in zip(DUPLICATE_SIZES, duplicate, limits.n_grams, strict=True):
        if found > limit:
            return f"phrases of {size} words repeat"
    return None


def gopher_quality(document: Statistics, limits: GopherQualityParams) -> str | None:
    """Why a document is not prose of a usual length; None where it is.

    Stop words are asked for in English and Chinese, the mean length of words not in Chinese.
    """
    if document.words < limits.min_words:
        return "too few words"
    if document.words > limits.max_words:
        return "too many words"
    if not document.is_chinese:
        if document.mean_word_length < limits.min_word_length:
            return "words too short"
        if document.mean_word_length > limits.max_word_length:
            return "words too long"
    text, tokens = document.text, document.all_tokens
    if text.count("#") > limits.symbols * tokens:
        return "too many hash signs"
    if text.count("...") + text.count("…") > limits.symbols * tokens:
        return "too many ellipses"
    lines = text.splitlines()
    if sum(line.lstrip().startswith(BULLETS) for line in lines) > limits.bullet_lines * len(lines):
        return "nothing but bullet points"
    if sum(line.rstrip().endswith(ELLIPSES) for line in lines) > limits.ellipsis_lines * len(lines):
        return "lines end in ellipses"
    if document.alphabetic_share < limits.alphabetic:
        return "too few words with a letter"
    if document.is_chinese or document.is_english:
        if document.stop_words < limits.stop_words:
            return "too few stop words"
    return None
