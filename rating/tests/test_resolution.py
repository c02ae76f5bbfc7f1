import pytest

from ..resolution import LIMITS, ResolutionError, aggregate, category


@pytest.mark.parametrize(
    "pixels, name",
    [
        (0, "audio"),
        (1, "hd"),
        (640 * 480, "hd"),
        (1280 * 720, "hd"),
        (1280 * 720 + 1, "fhd"),
        (1920 * 1080, "fhd"),
        (1920 * 1080 + 1, "2k"),
        (2560 * 1440, "2k"),
        (2560 * 1440 + 1, "4k"),
        (4096 * 2160, "4k"),
    ],
)
def test_a_limit_belongs_to_the_category_below_it(pixels, name):
    assert category(pixels) == name


def test_the_copied_fhd_row_of_the_seed_is_not_taken():
    """It reads 307,200 < R <= 921,600, which is HD, and leaves FHD uncovered."""
    assert {category(307_201), category(921_600)} == {"hd"}
    assert {category(921_601), category(2_073_600)} == {"fhd"}


def test_the_categories_leave_no_gap():
    limits = [largest for largest, _name in LIMITS]
    assert limits == [921_600, 2_073_600, 3_686_400, 8_847_360]
    assert limits == sorted(limits)


@pytest.mark.parametrize("pixels", [8_847_361, 4096 * 2176, 7680 * 4320, -1])
def test_what_no_document_defines_is_an_exception_not_a_guess(pixels):
    with pytest.raises(ResolutionError):
        category(pixels)


def test_no_video_is_audio_however_many_streams_were_not_received():
    assert category(aggregate([])) == "audio"
    assert category(aggregate([(0, 0), (0, 0)])) == "audio"
