"""What the assistant says around what it quotes, in English and in Chinese."""

from collections.abc import Sequence

DO_NOT_KNOW = {
    False: "I don't know: nothing in my documents answers that.",
    True: "我不知道：我的文档里没有能回答这个问题的内容。",
}
SEE_ALSO = {False: "See also: {names}.", True: "另见：{names}。"}
FROM = {False: "From {title}:", True: "引自 {title}："}


def do_not_know(chinese: bool) -> str:
    """The sentence that says that nothing fits."""
    return DO_NOT_KNOW[chinese]


def quoted(quote: str, title: str, others: Sequence[str], chinese: bool) -> str:
    """A reply that quotes a passage.

    Args:
        quote: the words of the document.
        title: its name, said first where the quote does not begin with it.
        others: names of documents that fit nearly as well.
        chinese: the language around the quote.
    """
    parts = []
    name = title.rpartition(".")[2].lower()
    if not quote.lower().lstrip('"*` ').startswith((title.lower(), name + "(")):
        parts.append(FROM[chinese].format(title=title))
    parts.append(quote)
    if others:
        between = "、" if chinese else ", "
        parts.append(SEE_ALSO[chinese].format(names=between.join(others)))
    return "\n\n".join(parts)
