"""The text of a file is found, or asked for, and reading it costs a chunk and a line."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .. import encodings
from ..encodings import (
    GB18030,
    LINE_LIMIT,
    UTF_8,
    UTF_16_BE,
    UTF_16_LE,
    WINDOWS,
    FileError,
    find_encoding,
    get_readings,
    read_lines,
)

HEADER = "id,sdkappid,item,quantity,start,tags\n"
ROW = 'a,1400000001,av_hd,60,2024-10-01,"{{""city"": ""{}""}}"\n'


def file_of(*words):
    return HEADER + "".join(map(ROW.format, words))


def lines(content, encoding=UTF_8, delimiter=","):
    return [(line.number, line.text) for line in read_lines(content, encoding, delimiter)]


# === Encodings === #


@pytest.mark.parametrize(
    "word",
    ["Zürich", "São Paulo", "Málaga", "größer", "Åre", "créée", "Köln", "ÉCOLE", "naïve", "fußöl"],
)
def test_western_words_in_windows_1252_are_no_chinese(word):
    """Zürich became Z黵ich: GB18030 reads the u-umlaut and the letter behind it as one sign."""
    content = file_of(word).encode("cp1252")
    assert find_encoding(content) == WINDOWS
    assert find_encoding(file_of("Bern", word, "don’t").encode("cp1252")) == WINDOWS


@pytest.mark.parametrize(
    "word", ["华东", "区域", "东", "VIP用户", "room区域7", "情", "北京市", "朱镕基"]
)
def test_chinese_words_in_gb18030_are_no_western_ones(word):
    assert find_encoding(file_of(word).encode("gb18030")) == GB18030


@given(st.text(st.sampled_from("的一是在不了有和人这中大为上个国我以要他"), min_size=2, max_size=9))
def test_common_chinese_is_always_found(word):
    # The bytes of some signs alone are UTF-8 too; no file consists of those.
    assert find_encoding(file_of(word, "区").encode("gb18030")) == GB18030


@given(
    st.lists(
        st.text(st.sampled_from("abcdefgh"), min_size=2, max_size=5).flatmap(
            lambda start: st.sampled_from("äöüéèàñçß").flatmap(
                lambda sign: st.text(st.sampled_from("abcdefgh"), min_size=1, max_size=5).map(
                    lambda end: start + sign + end
                )
            )
        ),
        min_size=1,
        max_size=4,
    )
)
def test_latin_words_are_always_found(words):
    assert find_encoding(file_of(*words).encode("cp1252")) == WINDOWS


@pytest.mark.parametrize("words", [("CRÉÉ",), ("华东", "Zürich")])
def test_what_could_be_either_is_not_guessed(words):
    content = HEADER.encode() + b"".join(
        ROW.format(word).encode("cp1252" if word.isupper() or word[0] == "Z" else "gb18030")
        for word in words
    )
    assert find_encoding(content) is None
    line, chinese, western = get_readings(content)
    assert line == 2 and chinese and western and chinese != western


@pytest.mark.parametrize("encoding", [UTF_16_LE, UTF_16_BE])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_utf_16_is_found_with_and_without_its_mark(encoding, mark):
    """Excel's "Unicode Text" was refused as a file without columns."""
    content = (mark + file_of("华东", "Zürich")).encode(encoding)
    assert find_encoding(content) == encoding
    assert lines(content, encoding)[0] == (1, HEADER.strip())


def test_a_damaged_byte_does_not_make_utf_8_something_else():
    """A file that was cut inside a sign was read as GB18030, with other text in every row."""
    content = file_of("华东", "区域", "Zürich").encode()
    cut = content[: content.index("域".encode()) + 1]
    assert find_encoding(cut) == UTF_8
    with pytest.raises(FileError) as caught:
        lines(cut)
    assert caught.value.values == {"encoding": UTF_8, "position": len(cut)}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("size", [10, encodings.CHUNK, encodings.CHUNK * 2 + 7])
def test_the_place_of_a_damaged_byte_counts_from_the_first(mark, size):
    content = mark + b"x\n" * (size // 2) + b"\xff"
    with pytest.raises(FileError) as caught:
        lines(content)
    assert caught.value.values["position"] == len(content)


def test_the_place_of_a_sign_that_is_cut_counts_from_its_first_byte():
    content = b"x" * (encodings.CHUNK - 1) + b"\xe5x"
    with pytest.raises(FileError) as caught:
        lines(content)
    assert caught.value.values["position"] == encodings.CHUNK


# === Lines === #


@given(
    st.lists(st.text(st.sampled_from('ab,;" \t区ü\u00a0'), max_size=6), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([UTF_8, GB18030, UTF_16_LE]),
    st.integers(1, 9),
)
def test_every_line_that_holds_anything_is_read_once(texts, newline, encoding, chunk):
    content = newline.join(texts).encode(encoding)
    before, encodings.CHUNK = encodings.CHUNK, chunk
    try:
        found = lines(content, encoding, ";")
    finally:
        encodings.CHUNK = before
    blank = encodings.BLANKS + '";'
    assert found == [
        (number, text) for number, text in enumerate(texts, start=1) if text.strip(blank)
    ]


def test_a_carriage_return_ends_lines_where_it_ends_the_first():
    assert lines(b"a\rb\r\rc\n") == [(1, "a"), (2, "b"), (4, "c")]
    # In other files it strayed into a cell, and the cell is refused.
    assert lines(b"a\nb\rc\n") == [(1, "a"), (2, "b\rc")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id\n" + b"x" * 20_000_000, [1, 2]),
        (b"id\n" + b"x" * 20_000_000 + b"\nb\n", [1, 2, 3]),
        (b"id\n" + b'"' + b"x\t" * 10_000_000 + b'"\n', [1, 2]),
        (b"id\n" + b"\n" * 20_000_000 + b"b", [1, 20_000_002]),
        (b"id\r\n" + b"\r\n" * 10_000_000 + b"b", [1, 10_000_002]),
        (b"id\n" + b" " * 20_000_000 + b"\nb", [1, 3]),
        (b"id\n" + b",,,,\n" * 4_000_000, [1]),
        (b"id\n" + "\u00a0".encode() * 10_000_000, [1]),
        (b"x" * 20_000_000, [1]),
    ],
    ids=["cell", "line", "quoted", "blank", "crlf", "spaces", "delimiters", "nbsp", "header"],
)
def test_a_huge_cell_or_a_file_of_blank_lines_costs_nothing(content, expected):
    """A cell of 60 MB, or millions of blank lines, took the memory of the whole file over again."""
    tracemalloc.start()
    try:
        found = list(read_lines(content, UTF_8, ","))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [line.number for line in found] == expected
    assert all(len(line.text) <= LINE_LIMIT for line in found)
    assert peak < 2_500_000


@pytest.mark.parametrize("content", [b"a" * 5_000_000 + b"\xe9", b"\xe9a" * 2_500_000])
def test_finding_the_encoding_of_one_endless_word_is_not_squared(content):
    tracemalloc.start()
    try:
        assert find_encoding(content) in (WINDOWS, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_500_000
