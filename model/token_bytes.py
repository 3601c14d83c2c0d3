"""What the tokens of a tokenizer stand for, as bytes."""

from tokenizers import Tokenizer, decoders, pre_tokenizers


def token_bytes(tokenizer: Tokenizer) -> dict[int, bytes]:
    """What each token stands for, by id, special ones left out.

    Of a tokenizer that does not write bytes as characters, as ours do, the tokens' own spelling.
    """
    special = tokenizer.get_added_tokens_decoder()
    by_bytes = isinstance(tokenizer.decoder, decoders.ByteLevel)
    byte_of = _byte_of_character() if by_bytes else {}
    found = {}
    for token, number in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        if number not in special:
            spelt = [byte_of.get(character) for character in token]
            whole = None if None in spelt else bytes(byte for byte in spelt if byte is not None)
            found[number] = token.encode() if whole is None else whole
    return found


def _byte_of_character() -> dict[str, int]:
    """GPT-2's spelling of bytes: printable ones stand for themselves, others for U+0100 and on."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    spelt = {character: ord(character) for character in alphabet if ord(character) < 256}
    rest = sorted(set(range(256)) - set(spelt.values()))
    return spelt | dict(zip((c for c in alphabet if ord(c) >= 256), rest, strict=True))
