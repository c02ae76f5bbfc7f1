"""Reading one usage record as its sender wrote it.

Each function returns a plain value or raises :class:`FactError`, which carries
the field, a reason and the offending value, so that the caller can say in the
reader's language what is wrong and where.
"""

import hashlib
import json
import unicodedata
from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from zoneinfo import ZoneInfo

from . import texts
from .periods import DEFAULT_ZONE, billing_day, day_start, read_clock

#: Usage is kept to a billionth of a unit; what is smaller is noise of floats.
QUANTITY_QUANTUM = Decimal("1e-9")
#: The largest usage of one record: 30,000 years of seconds, yet sums stay exact.
QUANTITY_LIMIT = Decimal(10) ** 12
#: Usage starts and ends in these days; what lies outside is a slip, not usage.
FIRST_DAY = date(2000, 1, 1)
END_DAY = date(2100, 1, 1)
#: The most tags of one record, and of how many characters together.
TAGS_LIMIT = 64
TAGS_TEXT_LIMIT = 4096
#: The longest identifier or text that is kept.
TEXT_LIMIT = 256
#: SDKAppIDs are 32-bit numbers.
SDKAPPID_DIGITS = 10
SDKAPPID_END = 2**32
#: How much of an offending value a message repeats.
SHOWN_LIMIT = 80

REQUIRED = ("id", "sdkappid", "item", "quantity", "start")
OPTIONAL = ("unit", "end", "tags")


class FactError(ValueError):
    """A record that cannot be read: ``reason`` is one of the words below.

    ``missing``, ``not_text``, ``control``, ``too_long``, ``marks``, ``not_sdkappid``,
    ``shortened``, ``not_number``, ``not_finite``, ``negative``, ``too_large``,
    ``not_moment``, ``not_plausible``, ``doubled``, ``skipped``, ``in_future``,
    ``end_before_start``, ``not_tags``, ``too_many_tags``, ``unknown_field``,
    ``not_record``; and of the caller's look-ups ``unknown_item``, ``unknown_unit``, ``other_unit``.
    """

    def __init__(self, field, reason, value=None):
        self.field = field
        self.reason = reason
        self.value = shown(value)
        super().__init__(f"{field}: {reason}: {self.value}")


def shown(value):
    """Return the beginning of a value as text that can be shown, sent and stored.

    >>> shown(1.5), shown("编号"), shown("a\\ud800"), len(shown("x" * 1000))
    ('1.5', '编号', 'a\\\\ud800', 80)
    """
    try:
        text = str(value)
    except (ValueError, RecursionError):
        # Python writes no integers of thousands of digits, nor lists a thousand deep.
        text = type(value).__name__
    text = text.encode(errors="backslashreplace").decode()
    if texts.has_control(text[:SHOWN_LIMIT]):
        text = "".join(map(texts.show_control, text[:SHOWN_LIMIT])) + text[SHOWN_LIMIT:]
    return text if len(text) <= SHOWN_LIMIT else text[: SHOWN_LIMIT - 1] + "…"


def is_storable(text):
    """Tell whether a text holds only what UTF-8 and PostgreSQL can keep.

    >>> is_storable("编号"), is_storable("a\\x00b"), is_storable("\\ud800")
    (True, False, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def shown_id(value):
    """Return the id of a refused record as an answer can repeat it, or None.

    >>> shown_id("a"), shown_id(7), shown_id("a\\ud800"), shown_id(True), shown_id([1])
    ('a', 7, 'a\\\\ud800', None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**TEXT_LIMIT else shown(value)
    return value if len(value) <= TEXT_LIMIT and is_storable(value) else shown(value)


def read_text(field, value):
    """Return an identifier in its one form; integers are taken as their digits.

    >>> read_text("id", 1400000001), read_text("id", " a\\u200b 1 ")
    ('1400000001', 'a 1')
    """
    if value is None or value == "":
        raise FactError(field, "missing")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise FactError(field, "not_text", value)
    if isinstance(value, int) and abs(value) >= 10**TEXT_LIMIT:
        raise FactError(field, "too_long", value)
    text = str(value)
    # Before anything is made of it: the marks of one letter are sorted in quadratic time.
    if not texts.is_bounded(text):
        raise FactError(field, "too_long" if len(text) > texts.RAW_LIMIT else "marks", value)
    text = texts.clean(text)
    if not text:
        raise FactError(field, "missing")
    if not text.isprintable():
        if texts.has_control(text):
            raise FactError(field, "control", value)
        if not is_storable(text):
            raise FactError(field, "not_text", value)
    if len(text) > TEXT_LIMIT:
        raise FactError(field, "too_long", text)
    return text


def read_word(field, value):
    """Return a word of a vocabulary in its one form, without regard to case and width.

    >>> read_word("item", "AV_HD"), read_word("unit", "\uff4d\uff49\uff4e ")
    ('av_hd', 'min')
    """
    text = texts.fold(read_text(field, value))
    if len(text) > TEXT_LIMIT:
        raise FactError(field, "too_long", text)
    return text


def read_sdkappid(value, field="sdkappid", known=()):
    """Return an SDKAppID as its digits.

    :param known: ids that are taken although no SDKAppID looks like them

    >>> read_sdkappid(1400000001), read_sdkappid("1400000002.0"), read_sdkappid("'1400000003")
    ('1400000001', '1400000002', '1400000003')
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    number = texts.bare_number(read_text(field, value))
    plausible = number.isascii() and number.isdigit() and len(number) <= SDKAPPID_DIGITS
    if plausible and 0 < int(number) < SDKAPPID_END or number in known:
        return number
    reason = "shortened" if texts.is_shortened(number) else "not_sdkappid"
    raise FactError(field, reason, value)


def read_quantity(value, field="quantity"):
    """Return a quantity as an exact Decimal, finite and not negative.

    >>> read_quantity("61.50"), read_quantity(0.1), read_quantity(7)
    (Decimal('61.500000000'), Decimal('0.100000000'), Decimal('7.000000000'))
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        raise FactError(field, "missing")
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise FactError(field, "not_number", value)
    if isinstance(value, str) and "_" in value:
        raise FactError(field, "not_number", value)
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError):
        raise FactError(field, "not_number", value) from None
    if not number.is_finite():
        raise FactError(field, "not_finite", value)
    if number < 0:
        raise FactError(field, "negative", value)
    if number >= QUANTITY_LIMIT:
        raise FactError(field, "too_large", value)
    with localcontext() as context:
        context.prec = 60
        return abs(number.quantize(QUANTITY_QUANTUM, rounding=ROUND_HALF_UP))


def read_moment(field, value, zone=DEFAULT_ZONE):
    """Return an aware UTC moment from an ISO 8601 date or date-time.

    Without an offset the billing time zone is meant; a time that its clocks show twice or
    never is no moment then. A date is the first moment of its day.

    >>> read_moment("start", "2024-10-01").isoformat()
    '2024-09-30T16:00:00+00:00'
    >>> read_moment("start", "2024-10-01T00:00:00Z").isoformat()
    '2024-10-01T00:00:00+00:00'
    """
    if value is None or value == "":
        raise FactError(field, "missing")
    moment = _read_iso(field, value) if isinstance(value, str) else value
    if not isinstance(moment, date):
        raise FactError(field, "not_moment", value)
    try:
        if not isinstance(moment, datetime):
            day, moment = moment, day_start(moment, zone)
            if billing_day(moment, zone) != day:
                raise FactError(field, "skipped", value)
        elif moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone), fold=0)
            clock = read_clock(moment)
            if clock:
                raise FactError(field, clock, value)
        # The billing day must be one too: there is no year 10000 or 0.
        day = billing_day(moment, zone)
        moment = moment.astimezone(timezone.utc)
    except OverflowError:
        raise FactError(field, "not_moment", value) from None
    if not FIRST_DAY <= day < END_DAY:
        raise FactError(field, "not_plausible", value)
    return moment


def _read_iso(field, value):
    """Return the date or date-time that an ISO 8601 text writes."""
    text = value.strip()
    if len(text) <= len("2024-10-01"):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise FactError(field, "not_moment", value) from None
    # Python 3.10 reads no "Z"; later versions do.
    if text[-1:] in ("Z", "z"):
        text = text[:-1] + "+00:00"
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise FactError(field, "not_moment", value) from None


def read_tags(value, field="tags"):
    """Return a flat dict of strings; JSON text is read, nothing becomes ``{}``.

    >>> read_tags('{"room": "7"}')
    {'room': '7'}
    """
    if value in (None, "", {}):
        return {}
    tags = value
    if isinstance(value, str):
        try:
            tags = json.loads(value)
        except (ValueError, RecursionError):
            raise FactError(field, "not_tags", value) from None
    if not isinstance(tags, dict) or not all(
        isinstance(word, str) and is_storable(word) for pair in tags.items() for word in pair
    ):
        raise FactError(field, "not_tags", value)
    length = sum(len(word) for pair in tags.items() for word in pair)
    if len(tags) > TAGS_LIMIT or length > TAGS_TEXT_LIMIT:
        raise FactError(field, "too_many_tags", value)
    return dict(sorted(tags.items()))


def measure_tags(value):
    """Return how many characters the tags of a record have, whatever they are.

    Text and an object alike count; what is neither is refused when it is read.

    >>> measure_tags('{"room": "7"}'), measure_tags({"room": "7"}), measure_tags(None)
    (13, 5, 0)
    """
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, dict):
        return 0
    return sum(len(word) for pair in value.items() for word in pair if isinstance(word, str))


def read_record(record, zone=DEFAULT_ZONE, latest=None, known=()):
    """Return the fact that a record states, as a dict of exact values.

    :param dict record: as :meth:`trtc.usage.ingest` documents it
    :param latest: the moment after which no usage starts; default none
    :param known: SDKAppIDs that are taken although no SDKAppID looks like them
    :return: id, sdkappid, item, quantity, unit (or None), start, end (or None),
        tags; moments in UTC
    :raise FactError: for the first field that cannot be read
    """
    if not isinstance(record, dict):
        raise FactError("record", "not_record", record)
    for name in record:
        if name not in REQUIRED and name not in OPTIONAL:
            raise FactError(shown(name), "unknown_field")
    fact = {
        "id": read_text("id", record.get("id")),
        "sdkappid": read_sdkappid(record.get("sdkappid"), known=known),
        "item": read_word("item", record.get("item")),
        "quantity": read_quantity(record.get("quantity")),
    }
    unit = record.get("unit")
    fact["unit"] = read_word("unit", unit) if unit not in (None, "") else None
    fact["start"] = read_moment("start", record.get("start"), zone)
    if latest and fact["start"] > latest:
        raise FactError("start", "in_future", record.get("start"))
    end = record.get("end")
    fact["end"] = read_moment("end", end, zone) if end not in (None, "") else None
    if fact["end"] and fact["end"] < fact["start"]:
        raise FactError("end", "end_before_start", record.get("end"))
    fact["tags"] = read_tags(record.get("tags"))
    return fact


def fingerprint(fact):
    """Return a digest of what a fact says, the same for every way of writing it.

    >>> one = {"quantity": Decimal("60.0"), "start": None, "tags": {}}
    >>> fingerprint(one) == fingerprint({**one, "quantity": Decimal(60)})
    True
    """
    parts = {}
    for name, value in fact.items():
        if isinstance(value, Decimal):
            value = format(value.normalize(), "f")
        elif isinstance(value, datetime):
            value = value.isoformat()
        parts[name] = value
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def get_former_ids(record, fact):
    """Return the other forms under which the id of a record may be stored.

    Until 19.0.3.1.0 identifiers were stripped and kept as they were otherwise.
    """
    former = str(record["id"]).strip()
    if former == fact["id"] and former.isascii():
        return []
    forms = {former, unicodedata.normalize("NFD", fact["id"])}
    return sorted(form for form in forms - {fact["id"]} if is_storable(form))


def get_former_fingerprints(record, *facts):
    """Return the digests under which what a record states may be stored.

    Until 19.0.3.1.0 the words of a fact were stripped and kept as they were otherwise.

    :param dict record: as it was sent
    :param facts: what it states, as sent and as converted
    """
    found = set()
    for fact in facts:
        former = dict(fact)
        for name in ("id", "sdkappid", "item", "unit"):
            if fact[name] is not None and record.get(name) is not None:
                former[name] = str(record[name]).strip()
        if former == fact and fact["id"].isascii():
            continue
        for form in (former["id"], *get_former_ids(record, fact)):
            found.add(fingerprint({**former, "id": form}))
    return found
