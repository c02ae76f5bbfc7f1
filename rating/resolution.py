"""Resolution categories of received video (DOMAIN.md 1.1, product/647/42734).

The category follows from the *sum* of the pixels of all streams that a user
receives; the lower bound is exclusive, the upper bound inclusive.  The FHD row
of one seed document repeats an old SD/HD row; the range used here is that of
the page's English original: 921,600 < R <= 2,073,600.
"""

AUDIO = "audio"
HD = "hd"
FHD = "fhd"
UHD_2K = "2k"
UHD_4K = "4k"

#: (largest sum of pixels, category), ascending.
LIMITS = (
    (1280 * 720, HD),
    (1920 * 1080, FHD),
    (2560 * 1440, UHD_2K),
    (4096 * 2160, UHD_4K),
)


class ResolutionError(ValueError):
    """No document read says how more pixels than the 4K limit are billed."""


def category(pixels, limits=LIMITS):
    """Return the category for a sum of received pixels.

    :param int pixels: sum over the streams received, 0 when there is none
    :param limits: (largest sum, category) pairs, ascending
    :raise ResolutionError: above the last limit; never guessed

    >>> [category(n) for n in (0, 1, 921_600, 921_601, 2_073_600, 2_073_601)]
    ['audio', 'hd', 'hd', 'fhd', 'fhd', '2k']
    >>> category(3_686_401), category(8_847_360)
    ('4k', '4k')
    >>> category(8_847_361)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    ResolutionError: 8847361 pixels: above 8847360 no category is defined
    """
    if pixels < 0:
        raise ResolutionError(f"{pixels} pixels: a sum of pixels is never negative")
    if pixels == 0:
        return AUDIO
    for largest, name in limits:
        if pixels <= largest:
            return name
    raise ResolutionError(
        f"{pixels} pixels: above {limits[-1][0]} no category is defined"
    )


def aggregate(streams):
    """Return the sum of pixels of received streams, given as (width, height).

    >>> category(aggregate([(960, 720), (960, 720)]))
    'fhd'
    """
    return sum(width * height for width, height in streams)
