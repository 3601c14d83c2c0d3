"""Personal data is found by its own rules, whatever stands beside it, and nothing else is."""

import gzip
import re
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.tokenizer import SPECIAL_TOKENS
from tasks.preprocess.personal_data.finding import personal_data
from tasks.preprocess.personal_data.iban import LENGTHS
from tasks.preprocess.personal_data.replacing import PLACEHOLDERS, without_personal_data
from tasks.preprocess.personal_data.spans import ALL_KINDS, KINDS


def found(text: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in personal_data(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Write to Ann.O'Neil+news@mail.uni-bonn.de.", "email", "Ann.O'Neil+news@mail.uni-bonn.de"),
        ("请发邮件至wang_li@qq.com谢谢", "email", "wang_li@qq.com"),
        ("邮箱：ｗａｎｇ＠ｑｑ．ｃｏｍ", "email", "ｗａｎｇ＠ｑｑ．ｃｏｍ"),
        ("<mailto:bob@firm.co.uk>", "email", "bob@firm.co.uk"),
        ("call (212) 555-0134 now", "phone", "(212) 555-0134"),
        ("or 415.555.0199 x12", "phone", "415.555.0199 x12"),
        ("+44 20 7946 0958", "phone", "+44 20 7946 0958"),
        ("Tel. +49 (0)30 901820", "phone", "+49 (0)30 901820"),
        ("appelez le 01 42 68 53 00", "phone", "01 42 68 53 00"),
        ("手机13800138000，谢谢", "phone", "13800138000"),
        ("手机：138-0013-8000", "phone", "138-0013-8000"),
        ("电话（010）62288559", "phone", "（010）62288559"),
        ("电话：０１０－６２２８８５５９", "phone", "０１０－６２２８８５５９"),
        ("拨打010-62288559转801", "phone", "010-62288559转801"),
        ("客服热线400-810-8888", "phone", "400-810-8888"),
        ("телефон 8 495 123-45-67", "phone", "8 495 123-45-67"),
        ("電話は03-3581-4111です", "phone", "03-3581-4111"),
        ("Phone:\n467 3395", "phone", "467 3395"),
        ("call me at 5550134 now", "phone", "5550134"),
        ("my phone number is: 280930640.", "phone", "280930640"),
        ("meu telefone é 280930640", "phone", "280930640"),
        ("Tel.: (5550134)", "phone", "(5550134)"),
        ("5550134 (mobile)", "phone", "5550134"),
        ("电话号码是5550134。", "phone", "5550134"),
        ("mail ann@uni.edu: she knows", "email", "ann@uni.edu"),
        ("came from 8.8.4.4:53", "ip", "8.8.4.4"),
        ("地址是114.114.114.114。", "ip", "114.114.114.114"),
        ("AAAA 2a00:1450:4001:81b::200e", "ip", "2a00:1450:4001:81b::200e"),
        ("paid by 4111 1111 1111 1111.", "card", "4111 1111 1111 1111"),
        ("5500-0055-5555-5559", "card", "5500-0055-5555-5559"),
        ("卡号6222020200112233445", "card", None),  # a wrong check digit
        ("IBAN GB82 WEST 1234 5698 7654 32 and", "iban", "GB82 WEST 1234 5698 7654 32"),
        ("账户DE89370400440532013000。", "iban", "DE89370400440532013000"),
        ("DE89370400440532013001", "iban", None),
        ("身份证号11010519491231002X", "china_id", "11010519491231002X"),  # GB 11643's own example
        ("身份证号110105194912310021", "china_id", None),
        ("身份证号990105194912310026", "china_id", None),  # no such province
        ("SSN 536-90-4399", "us_ssn", "536-90-4399"),
        ("my ssn is 536904399", "us_ssn", "536904399"),
        ("the number 536904399", "us_ssn", None),
        ("SSN 078-05-1120", "us_ssn", None),  # printed in wallets
    ],
)  # fmt: skip
def test_each_kind_as_people_write_it(text: str, kind: str, value: str | None) -> None:
    assert found(text) == ([(kind, value)] if value else [])


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com, root@localhost, x@mail.example.org, me@a.test",
        "127.0.0.1 10.0.0.7 192.168.1.1 203.0.113.9 0.0.0.0 ::1 fe80::1 2001:db8::1",
        "1.0.0.93.in-addr.arpa, version 9.8.7.6, Chrome/99.0.1.2, 300.1.2.3, 1.2.3.4.5",
        "\n4.1.2.3 Conclusions",
        "std::vector<int> a::b x[::2] 10:20:30 00:1a:2b:3c:4d:5e",
        "@property and a @ b.shape and icon@2x.png",
        "on 2010-04-16 and 16/04/2010, 12:30, pp. 123-145, 1914-1918",
        "3.14159265358979, 1,234,567.89 and 1234567890 items",
        "ISBN 978-3-16-148410-0 and 0-306-40615-2",
        "http://twitter.com/status/87057367204202896",
        "000-12-3456 666-12-3456 987-65-4320 123-00-4567 123-45-0000",
        "order number 20231105889 and account 12345678",
        "contact 1990-2005, dial 2012-2013 season, contact us between 2015-2019 2020",
        "def call(x): return 10000000",
        "call(1234567) and call f(1234567, 89), call sites: 1234567",
        "call stack at 00401000, phone model 1234567, callback 1234567, 手机型号1234567",
        "1234567 phones",
        "1234567 mobile users and 7654321 cells",
        "h = h * 69069 + 907133923; quantize +35236450.6",
        "git@github.com:foo/bar git@gitlab.com:bar.git ann@uni.edu:src/x",
        "圆周率是3.1415926535，1949年10月1日",
        "0xdeadbeef 1e10 2**31-1 [1, 2, 3, 4, 5, 6, 7]",
    ],
)
def test_what_is_nobodys_stays(text: str) -> None:
    assert found(text) == []


def luhn_digit(digits: str) -> str:
    """Worked out from the definition: the digit that makes the sum a multiple of ten."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


@given(
    st.sampled_from(["4", "51", "55", "2221", "2720", "62"]),
    st.text("0123456789", min_size=14, max_size=14),
    st.sampled_from(["", " ", "-"]),
    st.integers(1, 9),
)
def test_valid_cards_are_found_and_others_are_not(
    issuer: str, digits: str, between: str, off: int
) -> None:
    stem = (issuer + digits)[:15]
    last = luhn_digit(stem)
    for check in (last, str((int(last) + off) % 10)):
        written = between.join(re.findall("....", stem + check))
        cards = [value for kind, value in found(f"Visa, {written}, please") if kind == "card"]
        assert cards == ([written] if check == last else [])


@given(st.sampled_from(sorted(LENGTHS)), st.data(), st.booleans(), st.integers(1, 96))
def test_valid_ibans_are_found_and_others_are_not(
    country: str, data: st.DataObject, spaced: bool, off: int
) -> None:
    length = LENGTHS[country] - 4
    account = data.draw(st.text("0123456789ABCXYZ", min_size=length, max_size=length))
    digits = "".join(str(int(c, 36)) for c in account + country + "00")
    right = 98 - int(digits) % 97
    for check in (right, (right + off - 2) % 97 + 2):
        number = f"{country}{check:02d}{account}"
        written = " ".join(re.findall("..?.?.?", number)) if spaced else number
        ibans = [value for kind, value in found(f"to {written}.") if kind == "iban"]
        assert ibans == ([written] if check == right else [])


@given(
    st.sampled_from(["11", "31", "44", "51", "65", "81"]),
    st.integers(0, 9999),
    st.dates(date(1900, 1, 1), date(2030, 1, 1)),
    st.integers(0, 999),
    st.integers(1, 10),
)
def test_valid_chinese_ids_are_found_and_others_are_not(
    province: str, region: int, born: date, serial: int, off: int
) -> None:
    digits = f"{province}{region:04d}{born:%Y%m%d}{serial:03d}"
    # ISO 7064, MOD 11-2: the weights are the powers of two by 11.
    rest = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(digits)) % 11
    right = (12 - rest) % 11
    for check in (right, (right + off) % 11):
        number = digits + "0123456789X"[check]
        ids = [value for kind, value in found(f"证件{number}有效") if kind == "china_id"]
        assert ids == ([number] if check == right else [])


@given(st.ip_addresses(v=4, network="93.0.0.0/8") | st.ip_addresses(v=6, network="2a00::/12"))
def test_public_addresses_are_found(address: object) -> None:
    assert found(f"from {address} at noon") == [("ip", str(address))]


@given(st.text(st.sampled_from("0123456789-+(). /:@aX第电话x\n"), max_size=60))
def test_replacing_twice_replaces_nothing_more_than_once(text: str) -> None:
    spans = personal_data(text)
    assert all(a.end <= b.start for a, b in zip(spans, spans[1:], strict=False))
    once, counts = without_personal_data(text, KINDS)
    assert sum(counts.values()) == len(spans)
    assert all(once.count(PLACEHOLDERS[kind]) == number for kind, number in counts.items())


def test_placeholders_tell_the_kind_and_the_rest_stays() -> None:
    text = "王芳 <wang@qq.com>，13800138000；10.0.0.1, 8.8.4.4"
    replaced, counts = without_personal_data(text, KINDS)
    assert replaced == "王芳 <<email>>，<phone>；10.0.0.1, <ip>"
    assert counts == {"email": 1, "phone": 1, "ip": 1}
    assert without_personal_data(text, ["phone"])[0] == text.replace("13800138000", "<phone>")


def test_a_card_is_no_telephone_even_where_cards_stay() -> None:
    text = "call about 4111 1111 1111 1111"
    assert without_personal_data(text, ["phone"]) == (text, {})


def test_placeholders_are_no_control_tokens() -> None:
    # <s>, <unk>, <pad>, <mask> and so on are those of models that one may start from.
    others = {"<s>", "</s>", "<unk>", "<pad>", "<mask>", "<bos>", "<eos>", "<cls>", "<sep>"}
    taken = {*SPECIAL_TOKENS, *others}
    for placeholder in PLACEHOLDERS.values():
        assert not any(placeholder in token or token in placeholder for token in taken)
    assert len(set(PLACEHOLDERS.values())) == len(ALL_KINDS)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    ["1 ", "(", "1.1.", "a@", "a", ":", "+1(", "12 34-", "13800138000 ", "0", "+44 1 ", "DE89 3"],
)
def test_long_runs_take_time_by_their_length_alone(piece: str) -> None:
    # With time by the square of the length, these would take hours.
    personal_data("电话" + piece * (600_000 // len(piece)) + "1")


def test_numbers_of_all_countries_are_found(test_data: Path) -> None:
    # libphonenumber's own examples of fixed and mobile lines, in the international form.
    with gzip.open(test_data / "pii" / "PhoneNumberMetadata.xml.gz") as file:
        territories = ET.parse(file).getroot().iter("territory")
        numbers = {
            f"+{territory.get('countryCode')} {example.text}"
            for territory in territories
            for kind in ("fixedLine", "mobile")
            for example in territory.iterfind(f"{kind}/exampleNumber")
        }
    assert len(numbers) > 400
    missed = [number for number in numbers if found(f"Call {number}!") != [("phone", number)]]
    assert missed == []
