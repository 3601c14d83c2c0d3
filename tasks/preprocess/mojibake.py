"""Text that was decoded wrongly somewhere on its way, put right: "schÃ¶n" was "schön".

ftfy knows which sequences no one writes. Only its repair of encodings is used: its other repairs
change quotation marks, ligatures and widths, which is not ours to do. Lines are looked at one by
one, as one line may be wrong among right ones, and lines in ASCII are passed over. Not covered:
Chinese read in the wrong Chinese encoding (GBK for UTF-8), which has no such sequences.
"""


def without_mojibake(text: str) -> str:
    """The text with the wrongly decoded lines decoded anew; to be called before ``clean``.

    ``clean`` takes control characters away, and those are the bytes that the repair needs.

    >>> without_mojibake("schÃ¶n\\nä¸\\xadæ–‡\\n中文")
    'schön\\n中文\\n中文'
    """
    if text.isascii():
        return text
    from ftfy import fix_encoding  # heavy, and only where there is something to look at
    from ftfy.badness import is_bad

    return "\n".join(
        fix_encoding(line) if not line.isascii() and is_bad(line) else line
        for line in text.split("\n")
    )
