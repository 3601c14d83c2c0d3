"""The limits of the published quality filters, for most languages and for Chinese."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.params_section import PositiveInt, Section, Share


class GopherRepetitionParams(Section):
    """The filter ``gopher-repetition``: shares above which a document goes (Rae et al. 2021)."""

    lines: Share = 0.30
    line_characters: Share = 0.20
    paragraphs: Share = 0.30
    paragraph_characters: Share = 0.20
    top_n_grams: list[Share] = Field(default=[0.20, 0.18, 0.16], min_length=3, max_length=3)
    n_grams: list[Share] = Field(
        default=[0.15, 0.14, 0.13, 0.12, 0.11, 0.10], min_length=6, max_length=6
    )


class GopherQualityParams(Section):
    """The filter ``gopher-quality`` (Rae et al. 2021)."""

    min_words: Annotated[int, Field(ge=0)] = 50
    max_words: PositiveInt = 100_000
    min_word_length: Annotated[float, Field(ge=0)] = 3
    max_word_length: Annotated[float, Field(ge=1)] = 10
    symbols: Share = 0.1
    bullet_lines: Share = 0.9
    ellipsis_lines: Share = 0.3
    alphabetic: Share = 0.8
    stop_words: Annotated[int, Field(ge=0)] = 2


class C4Params(Section):
    """The filter ``c4`` (Raffel et al. 2020)."""

    takes_lines_out: bool = True
    terminal_marks: bool = True
    min_line_words: Annotated[int, Field(ge=0)] = 3
    max_word_length: PositiveInt = 1000
    min_sentences: Annotated[int, Field(ge=0)] = 5


class FineWebParams(Section):
    """The filter ``fineweb`` (Penedo et al. 2024)."""

    terminal_lines: Share = 0.12
    short_line: Annotated[int, Field(ge=0)] = 30
    short_lines: Share = 0.67
    line_characters: Share = 0.01
    line_breaks: Share = 0.3


class QualityParams(Section):
    """The limits of all filters."""

    gopher_repetition: GopherRepetitionParams = GopherRepetitionParams()
    gopher_quality: GopherQualityParams = GopherQualityParams()
    c4: C4Params = C4Params()
    fineweb: FineWebParams = FineWebParams()


class ChineseRepetitionParams(GopherRepetitionParams):
    """The same for Chinese, as FineWeb2 has it (Penedo et al. 2025)."""

    lines: Share = 0.287
    top_n_grams: list[Share] = Field(default=[0.256, 0.201, 0.171], min_length=3, max_length=3)
    n_grams: list[Share] = Field(
        default=[0.198, 0.182, 0.167, 0.154, 0.140, 0.127], min_length=6, max_length=6
    )


class ChineseQualityParams(GopherQualityParams):
    """The same for Chinese, as FineWeb2 has it."""

    alphabetic: Share = 0.735


class ChineseFineWebParams(FineWebParams):
    """The same for Chinese, as FineWeb2 has it."""

    terminal_lines: Share = 0.106
    short_line: Annotated[int, Field(ge=0)] = 10
    line_characters: Share = 0.1
    line_breaks: Share = 0.178


class ChineseParams(QualityParams):
    """The limits of all filters where the text is Chinese."""

    gopher_repetition: ChineseRepetitionParams = ChineseRepetitionParams()
    gopher_quality: ChineseQualityParams = ChineseQualityParams()
    fineweb: ChineseFineWebParams = ChineseFineWebParams()


class ClassifierParams(Section):
    """A classifier learnt from good and bad samples, and what a document has to reach."""

    good: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    bad: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    min_score: Share = 0.5


Filter = Literal["gopher-repetition", "gopher-quality", "c4", "fineweb"]
