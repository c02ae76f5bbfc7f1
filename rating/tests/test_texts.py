import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .. import facts, numerals, texts, usage_file
from ..encodings import FileError
from ..facts import FactError, fingerprint, read_record, read_sdkappid, read_text, read_word
from ..texts import TooLong, bare_number, clean, fold, has_control, is_unseen

UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u202a\u202c\ufe0f\u034f\u3164"
BLANKS = " \t\r\n\u00a0\u2003\u3000"
NUMBERS = st.integers(1, 2**32 - 1).map(str)
#: Text of the kinds that meet in files: letters that compose, blanks, what is not seen.
MIXED = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs",)),
        st.sampled_from(UNSEEN + BLANKS + "e\u0301\u0327\u212b\u1e9b\uff21\u0130\u00df"),
    ),
    max_size=20,
)


def widen(text):
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def sprinkle(draw, text):
    """Return a text with signs that are not seen in between."""
    parts = [draw(st.text(st.sampled_from(UNSEEN), max_size=2)) + sign for sign in text]
    return "".join(parts) + draw(st.text(st.sampled_from(UNSEEN), max_size=2))


# === ONE FORM === #


@given(MIXED)
def test_a_cleaned_text_is_clean(text):
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not any(map(is_unseen, once))
    assert once.strip(" \t\r\n") == once


@given(MIXED)
def test_a_folded_word_is_folded(text):
    once = fold(text)
    assert fold(once) == once
    assert fold(clean(text)) == once
    assert clean(once) == once


@given(MIXED, st.sampled_from(["NFC", "NFD"]))
def test_a_composed_and_a_decomposed_text_are_one(text, form):
    assert clean(unicodedata.normalize(form, text)) == clean(text)


@given(MIXED, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_a_word_in_any_form_of_unicode_is_one(text, form):
    assert fold(unicodedata.normalize(form, text)) == fold(text)


@given(st.text(st.characters(codec="ascii")))
def test_a_word_in_capitals_is_the_same_word(text):
    assert fold(text.upper()) == fold(text.lower()) == fold(text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_a_printable_text_keeps_its_content(text):
    assert clean(text) == text.strip(" ")
    assert not has_control(text)


@pytest.mark.parametrize("text", ["\u0622\u200c\u0628", "\u0600\u0661", "x y", "a\u0308"])
def test_what_is_seen_stays(text):
    kept = [sign for sign in unicodedata.normalize("NFC", text) if sign != "\u200c"]
    assert list(clean(text)) == kept


# === NUMBERS === #


@given(st.data(), NUMBERS)
def test_an_sdkappid_is_read_however_it_is_wrapped(data, number):
    wrapped = data.draw(
        st.sampled_from(
            ["{}", "'{}", '="{}"', "{}.0", "{}.00", "\u2019{}", '= "{}"', "\ufeff{}", " {} "]
        )
    ).format(number)
    if data.draw(st.booleans()):
        wrapped = widen(wrapped)
    wrapped = sprinkle(data.draw, wrapped)
    blanks = st.text(st.sampled_from(BLANKS), max_size=2)
    assert read_sdkappid(data.draw(blanks) + wrapped + data.draw(blanks)) == number


@given(MIXED)
def test_what_is_read_as_an_sdkappid_is_a_number_of_32_bits(text):
    try:
        number = read_sdkappid(text)
    except FactError:
        return
    assert number.isascii() and number.isdigit()
    assert 0 < int(number) < 2**32
    assert read_sdkappid(number) == number == bare_number(number)


@given(NUMBERS)
def test_a_number_of_json_is_its_digits(number):
    assert read_sdkappid(int(number)) == read_sdkappid(float(number)) == number


@pytest.mark.parametrize(
    "value, reason",
    [
        ("1.4E+09", "shortened"),
        ("1,4e9", "shortened"),
        ("'1.4E+09", "shortened"),
        (widen("1.4E+09"), "shortened"),
        ("2.02609E+14", "shortened"),
        ("1.5", "not_sdkappid"),
        ("4294967296", "not_sdkappid"),
        ("00000000001", "not_sdkappid"),
        ("0", "not_sdkappid"),
        ("+1400000002", "not_sdkappid"),
        ("1_400", "not_sdkappid"),
        ("1,400,000,002", "not_sdkappid"),
        ("\u00b2", "not_sdkappid"),
        ("'", "not_sdkappid"),
        ('=""', "not_sdkappid"),
        ("14\t00", "control"),
        ("\u200b", "missing"),
        (1.5, "not_text"),
        (float("nan"), "not_text"),
        (True, "not_text"),
    ],
)
def test_what_cannot_be_an_sdkappid_is_refused(value, reason):
    with pytest.raises(FactError) as caught:
        read_sdkappid(value)
    assert caught.value.reason == reason


def test_an_odd_id_that_is_known_is_taken():
    assert read_sdkappid("'00001400000777", known={"00001400000777"}) == "00001400000777"


# === ONE FINGERPRINT === #


@given(st.data())
def test_the_same_content_in_any_way_of_writing_has_one_fingerprint(data):
    draw = data.draw
    identifier = draw(st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12))
    number = draw(NUMBERS)
    seconds = draw(st.integers(0, 10**6))
    record = {
        "id": identifier,
        "sdkappid": number,
        "item": "av_hd",
        "quantity": seconds,
        "unit": "min",
        "start": "2024-10-01T08:00:00",
        "tags": {"room": "7", "zone": "a"},
    }
    try:
        fact = read_record(record)
    except FactError:
        return  # nothing but signs that are not seen
    forms = st.sampled_from(["NFC", "NFD"])
    other = {
        "id": sprinkle(draw, unicodedata.normalize(draw(forms), identifier)),
        "sdkappid": draw(st.sampled_from([number, int(number), f"'{number}", f"{number}.0"])),
        "item": sprinkle(draw, draw(st.sampled_from(["av_hd", "AV_HD", widen("Av_Hd")]))),
        "quantity": draw(st.sampled_from([seconds, f"{seconds}.00", str(seconds), f"{seconds}e0"])),
        "unit": draw(st.sampled_from(["min", "MIN", " Min\u200b", widen("min")])),
        "start": draw(
            st.sampled_from(
                ["2024-10-01T08:00:00", "2024-10-01T00:00:00Z", "2024-10-01T09:00+09:00"]
            )
        ),
        "tags": {"zone": "a", "room": "7"},
        "end": draw(st.sampled_from([None, ""])),
    }
    assert fingerprint(read_record(other)) == fingerprint(fact)


def test_words_that_differ_have_other_fingerprints():
    assert read_word("item", "av_hd") != read_word("item", "av-hd")
    assert read_word("source", "feed 1") != read_word("source", "feed1")


# === BOUNDED WORK === #

#: What took minutes: marks of one letter out of their order
HEAPS = (
    "a" + "\u0315" * 20_000 + "\u0300" * 20_000,
    "a" + "\u0315\u200b" * 500 + "\u0300\u200b" * 500,
    "a" + "\u0f73" * 500,
    "a" + "\u0315" * 20 + "\u0300" * 20,
    "\u00e9" * 20_000,
)


@pytest.fixture
def watched(monkeypatch):
    """The texts of more than one sign that are brought into a normal form of Unicode."""
    found = []

    class Watched:
        def __getattr__(self, name):
            return getattr(unicodedata, name)

        def normalize(self, form, text):
            if len(text) > 1:
                found.append(text)
            return unicodedata.normalize(form, text)

    for module in (texts, facts, usage_file):
        monkeypatch.setattr(module, "unicodedata", Watched())
    return found


@pytest.mark.parametrize("heap", HEAPS)
def test_a_heap_of_marks_is_refused_before_it_is_sorted(heap, watched):
    """One argument of an estimate of 40,000 marks kept a worker busy for seconds."""
    for read in (read_text, read_word, read_sdkappid):
        for text in (heap, f" {heap} "):
            with pytest.raises(FactError) as caught:
                read("item", text) if read is not read_sdkappid else read(text)
            assert caught.value.reason in ("too_long", "marks")
            assert len(str(caught.value)) < 200
    record = {"id": "1", "sdkappid": "1400000001", "item": "av_hd", "quantity": "1",
              "start": "2024-10-01"}
    for name in ("id", "sdkappid", "item", "unit"):
        with pytest.raises(FactError) as caught:
            read_record({**record, name: heap})
        assert (caught.value.field, caught.value.reason in ("too_long", "marks")) == (name, True)
    assert not watched


@pytest.mark.parametrize("heap", HEAPS)
def test_a_file_with_a_heap_of_marks_is_read_line_by_line(heap, watched):
    heap = heap[:30_000]
    names = "id,sdkappid,item,quantity,start"
    content = f"{names}\n1,1400000001,av_hd,{heap},2024-10-01\n2,1400000001,av_hd,7,2024-10-01\n"
    content = content.encode()
    assert usage_file.find_delimiter(f"{heap},x\n".encode() + content, "utf-8") == ","
    header, lines = usage_file.open_table(content, "utf-8", ",")
    bad, good = usage_file.read_rows(header, lines, ",", ".")
    assert bad.error.reason == "not_number"
    assert good.record["quantity"] == "7"
    with pytest.raises(FileError):
        usage_file.open_table(f"{names},{heap}\n".encode(), "utf-8", ",")
    assert usage_file.find_mark(content, "utf-8", ",") == (".", None)
    assert max(map(len, watched), default=0) < 100


@pytest.mark.parametrize("change", [clean, fold, bare_number])
def test_nothing_long_is_brought_into_its_one_form(change, watched):
    for heap in HEAPS:
        if len(heap) > 1024:
            with pytest.raises(TooLong):
                change(heap)
    assert not watched


def test_a_long_text_is_looked_through_once_for_a_number():
    class Looked(str):
        def translate(self, _table):
            raise AssertionError("a long text was looked through for a number")

    for text in (Looked("1" * 20_000 + "x"), Looked("1," * 10_000 + "x")):
        assert numerals.read_numeral(text, ".") is None
        assert not numerals.is_numeral(text)
        assert numerals.get_mark(text) == ""


def test_letters_with_marks_that_people_write_are_read():
    for text in ("Vie\u0323\u0302t " * 40, "e\u0301" * 100, "\u0e01\u0e34\u0e48" * 60):
        assert read_text("id", text) == clean(text)
