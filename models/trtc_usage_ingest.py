import json
from collections import defaultdict
from datetime import date, timedelta
from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..rating import facts, periods, texts

#: The most records of one call; a file is taken in whole.
RECORD_LIMIT = 100_000
#: The most characters of the tags of one call together: they are kept in memory several times.
TAGS_TEXT_LIMIT = 32_000_000

#: (column, PostgreSQL type) of a usage row, in the order of insertion.
COLUMNS = (
    ("id", "int"),
    ("company_id", "int"),
    ("source", "text"),
    ("external_id", "text"),
    ("sdkappid", "text"),
    ("application_id", "int"),
    ("account_id", "int"),
    ("item_code", "text"),
    ("item_id", "int"),
    ("quantity", "numeric"),
    ("unit", "text"),
    ("date", "date"),
    ("start", "timestamp"),
    ("end", "timestamp"),
    ("tags", "jsonb"),
    ("tags_text", "text"),
    ("state", "text"),
    ("fingerprint", "text"),
    ("import_id", "int"),
)


class Place(NamedTuple):
    """Where a usage fact belongs: known application and item, and the unit as sent.

    ``digest`` is that of the fact as sent, before its unit was converted: under it
    the fact is stored if its item was not known when it came first. ``content`` is that
    of the converted fact, ``index`` the place of its record, ``sent`` the fact as sent.
    """

    application: object
    item: object
    unit: str
    digest: str
    content: str
    index: int
    sent: dict


class TrtcUsage(models.Model):
    # A room of its own: intake.
    _inherit = "trtc.usage"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    @api.model
    def ingest(self, records, source="api"):
        """Take usage facts in, each one once.

        :param list[dict] records: ``id`` (the sender's key, unique per source),
            ``sdkappid``, ``item`` (code), ``quantity`` (str, int or float; finite,
            not negative), ``start`` (ISO 8601 date or date-time; without offset:
            billing time zone), optionally ``end``, ``unit`` (default: the item's
            usage unit) and ``tags`` (flat dict of strings); at most 100,000, with
            tags of at most 32,000,000 characters in all
        :param str source: the sender; ids of different sources are independent. Capitals
            and blanks of its name make no difference
        :return: counts ``accepted``, ``duplicate``, ``restated``, ``unassigned``
            (kept, but application or item is unknown) and the list ``rejected`` of
            {"index", "id", "error"}; each record is in exactly one of the five
        :raise AccessError: for a user who may not send usage
        :raise UserError: for more records or tags than a call takes, before any of them is
            read
        """
        self._check_may_ingest()
        if not isinstance(records, (list, tuple)):
            raise UserError(self.env._("records must be a list of usage records."))
        self._check_record_limit(len(records))
        self._check_tags_limit(records)
        source = self._read_source(source)
        # Asked before the rights are widened: it refuses companies that are not the user's.
        company = self.env.company
        return self.sudo().with_company(company)._ingest(records, source)

    def _check_record_limit(self, count):
        if count > RECORD_LIMIT:
            raise UserError(
                self.env._(
                    "A call takes at most %(limit)s usage records, not %(count)s. Nothing was "
                    "taken in: split the records and send them in several calls.",
                    limit=RECORD_LIMIT,
                    count=count,
                )
            )

    def _check_tags_limit(self, records):
        length = sum(
            facts.measure_tags(record.get("tags"))
            for record in records
            if isinstance(record, dict)
        )
        if length > TAGS_TEXT_LIMIT:
            raise UserError(
                self.env._(
                    "The tags of a call have at most %(limit)s characters in all, not %(count)s. "
                    "Nothing was taken in: split the records and send them in several calls, or "
                    "send fewer tags.",
                    limit=TAGS_TEXT_LIMIT,
                    count=length,
                )
            )

    def _read_source(self, source):
        """Return the name of a sender, or raise UserError."""
        try:
            return facts.read_text("source", source)
        except facts.FactError as error:
            raise UserError(self._get_fact_message(error)) from None

    def _check_may_ingest(self):
        user = self.env.user
        if not self.env.su and not (
            user.has_group("trtc_billing.group_operator")
            or user.has_group("trtc_billing.group_api_sender")
        ):
            raise AccessError(
                self.env._(
                    "Sending usage takes one of the groups TRTC Billing / Operator and "
                    "TRTC Usage Feed / API Sender. Ask your administrator for it."
                )
            )

    def _ingest(self, records, source, usage_import=None, lines=None):
        """Do what :meth:`ingest` promises, for a user who was checked before.

        :param lines: of each record, the number of its line in a file
        """
        result = {
            "accepted": 0,
            "duplicate": 0,
            "restated": 0,
            "unassigned": 0,
            "rejected": [],
        }
        found = self._read_facts(records, result["rejected"], lines)
        sender = self.env["trtc.usage.source"]._get_sender(source)
        known = self._get_known(records, found, sender)
        ids = self._reserve_ids(len(found))
        rows, replaced = {}, {}
        for fact, place in found:
            stored = known[fact["id"]]
            if stored and self._says_the_same(records[place.index], fact, place, stored):
                result["duplicate"] += 1
                continue
            if stored and sender.restating == "refuse":
                sentence = self._get_restating_message(fact["id"], sender)
                result["rejected"].append(
                    self._prepare_refusal(place.index, records[place.index], sentence)
                )
                continue
            row_id = ids.pop()
            rows[row_id] = {
                **self._prepare_row(fact, place),
                "id": row_id,
                "source": sender.name,
                "fingerprint": place.content,
                "import_id": usage_import.id if usage_import else None,
            }
            replaced.update((old_id, row_id) for old_id, _digest in stored)
            known[fact["id"]] = [(row_id, place.content)]
            if stored:
                result["restated"] += 1
            elif place.application and place.item:
                result["accepted"] += 1
            else:
                result["unassigned"] += 1
        if rows:
            self.env["trtc.usage.source"]._enter(sender)
            self._store(rows, replaced)
        result["rejected"].sort(key=lambda rejection: rejection["index"])
        return result

    def _read_facts(self, records, rejected, lines=None):
        """Return (fact, Place) of readable records; add the others to ``rejected``."""
        read = self._read_records(records, rejected)
        applications = self._get_by_word(
            "trtc.application", "sdkappid", {fact["sdkappid"] for _index, fact in read}
        )
        items = self._get_by_word("trtc.item", "code", {fact["item"] for _index, fact in read})
        units = self._get_units()
        found = []
        for index, sent in read:
            item = items.get(sent["item"])
            try:
                fact = self._convert(sent, item, units)
            except facts.FactError as error:
                rejected.append(self._prepare_rejection(index, records[index], error))
                continue
            digest = facts.fingerprint(sent)
            place = Place(
                application=applications.get(sent["sdkappid"]),
                item=item,
                unit=sent["unit"],
                digest=digest,
                content=digest if fact is sent else facts.fingerprint(fact),
                index=index,
                sent=sent,
            )
            found.append((fact, place))
        found = self._refuse_conflicts(records, found, rejected, lines)
        rejected.sort(key=lambda rejection: rejection["index"])
        return found

    def _read_records(self, records, rejected):
        """Return (index, fact) of readable records; add the others to ``rejected``."""
        company = self.env.company
        zone = company._trtc_get_zone()
        latest = company._trtc_utcnow() + timedelta(days=1)
        read, odd = [], []
        for index, record in enumerate(records):
            try:
                read.append((index, facts.read_record(record, zone, latest)))
            except facts.FactError as error:
                if (error.field, error.reason) == ("sdkappid", "not_sdkappid"):
                    odd.append((index, record))
                else:
                    rejected.append(self._prepare_rejection(index, record, error))
        if not odd:
            return read
        # Applications that are there keep their ids, whatever is asked of new ones.
        words = {texts.bare_number(str(record["sdkappid"])) for _index, record in odd}
        known = set(self._get_by_word("trtc.application", "sdkappid", words))
        for index, record in odd:
            try:
                read.append((index, facts.read_record(record, zone, latest, known)))
            except facts.FactError as error:
                rejected.append(self._prepare_rejection(index, record, error))
        return sorted(read, key=lambda pair: pair[0])

    def _refuse_conflicts(self, records, found, rejected, lines):
        """Return the facts but those of one id that say different things.

        One of them may be right, and nobody knows which: an id that a spreadsheet shortened
        stands for many. They are added to ``rejected``.
        """
        contents, places = {}, {}
        for fact, place in found:
            if contents.setdefault(fact["id"], place.content) != place.content:
                places[fact["id"]] = []
        if not places:
            return found
        for fact, place in found:
            if fact["id"] in places:
                places[fact["id"]].append(place.index)
        for external_id, indices in places.items():
            sentence = self._get_conflict_message(external_id, indices, lines)
            rejected.extend(
                self._prepare_refusal(index, records[index], sentence) for index in indices
            )
        return [pair for pair in found if pair[0]["id"] not in places]

    def _get_units(self):
        """Return {word in its one form: unit of measure}."""
        units = self.env["uom.uom"].search([("trtc_code", "!=", False)])
        return self._by_word(units, "trtc_code")

    def _get_by_word(self, model, field, words):
        """Return {word: record} of the records that words of usage records mean."""
        records = self.env[model].with_context(active_test=False)
        if model == "trtc.item":
            # Few, and their codes may be written in capitals.
            return self._by_word(records.search([(field, "!=", False)]), field)
        domain = [(field, "in", list(words)), ("company_id", "=", self.env.company.id)]
        return {record[field]: record for record in records.search(domain)}

    def _by_word(self, records, field):
        """Return {word in its one form: record}; who is written like that comes first."""
        # No usage record says what is out of bounds.
        records = records.filtered(lambda record: texts.is_bounded(record[field]))
        found = {texts.fold(record[field]): record for record in records}
        return {**found, **{record[field]: record for record in records}}

    def _convert(self, fact, item, units):
        """Return a fact with its quantity in usage units of its item, if known."""
        word = fact["unit"]
        if not item or not word:
            return fact
        if word not in units:
            raise facts.FactError("unit", "unknown_unit", word)
        ratio = units[word]._trtc_ratio(item.usage_uom_id)
        if ratio is None:
            raise facts.FactError("unit", "other_unit", word)
        quantity = facts.read_quantity(fact["quantity"] * ratio)
        return {**fact, "quantity": quantity, "unit": None}

    def _get_known(self, records, found, sender):
        """Return {external id: [(row id, fingerprint)]} of the facts in force."""
        self.flush_model()
        forms = {fact["id"]: fact["id"] for fact, _place in found}
        for fact, place in found:
            for form in facts.get_former_ids(records[place.index], fact):
                forms.setdefault(form, fact["id"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT external_id, id, fingerprint FROM trtc_usage
                 WHERE company_id = %s AND source = ANY(%s) AND state = 'current'
                   AND external_id = ANY(%s)
                 ORDER BY id
                """,
                self.env.company.id,
                sender.spellings,
                list(forms),
            )
        )
        known = defaultdict(list)
        for external_id, row_id, digest in rows:
            known[forms[external_id]].append((row_id, digest))
        return known

    def _says_the_same(self, record, fact, place, stored):
        """Tell whether one of the rows in force says what a record says."""
        digests = {digest for _row_id, digest in stored}
        if place.content in digests or place.digest in digests:
            return True
        return not digests.isdisjoint(facts.get_former_fingerprints(record, place.sent, fact))

    def _reserve_ids(self, count):
        """Return fresh row ids, the lowest last, so that rows can name each other."""
        rows = self.env.execute_query(
            SQL("SELECT nextval('trtc_usage_id_seq') FROM generate_series(1, %s)", count)
        )
        return sorted((row_id for (row_id,) in rows), reverse=True)

    def _prepare_row(self, fact, place):
        """Return the columns of a fact that was found at a :class:`Place`."""
        tags = fact["tags"]
        return {
            "company_id": self.env.company.id,
            "external_id": fact["id"],
            "sdkappid": fact["sdkappid"],
            "application_id": place.application.id if place.application else None,
            "account_id": place.application.account_id.id if place.application else None,
            "item_code": fact["item"],
            "item_id": place.item.id if place.item else None,
            "quantity": fact["quantity"],
            "unit": place.unit,
            "date": periods.billing_day(fact["start"], self.env.company._trtc_get_zone()),
            "start": fact["start"].replace(tzinfo=None),
            "end": fact["end"] and fact["end"].replace(tzinfo=None),
            "tags": json.dumps(tags) if tags else None,
            "tags_text": ", ".join(f"{k}={v}" for k, v in tags.items()) or None,
            "state": "current",
        }

    def _store(self, rows, replaced):
        """Insert rows, let them supersede others, and note what is to settle.

        :param dict rows: {id: row}
        :param dict replaced: {superseded id: id of the row that takes its place}
        """
        if replaced:
            self.env.cr.execute(
                SQL(
                    "UPDATE trtc_usage SET state = 'superseded' WHERE id = ANY(%s)",
                    list(replaced),
                )
            )
        # A concurrent sender of the same id makes this a serialization failure,
        # which the framework answers by running the whole request again.
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO trtc_usage (%(columns)s, create_uid, create_date,
                                        write_uid, write_date)
                SELECT *, %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s,
                       now() AT TIME ZONE 'UTC'
                  FROM unnest(%(values)s)
                ON CONFLICT DO NOTHING
                """,
                columns=SQL(", ").join(SQL.identifier(name) for name, _kind in COLUMNS),
                uid=self.env.uid,
                values=SQL(", ").join(
                    SQL("%s::%s[]", [row[name] for row in rows.values()], SQL(kind))
                    for name, kind in COLUMNS
                ),
            )
        )
        if replaced:
            self.env.cr.execute(
                SQL(
                    """
                    UPDATE trtc_usage usage SET superseded_by_id = pair.new_id
                      FROM unnest(%s::int[], %s::int[]) AS pair (old_id, new_id)
                     WHERE usage.id = pair.old_id
                    """,
                    list(replaced),
                    list(replaced.values()),
                )
            )
        self._hold_out_of_bounds(self._get_early_rows(rows))
        self.env["trtc.settlement.note"]._note_rows([*rows, *replaced])
        self.invalidate_model()

    def _get_early_rows(self, rows):
        """Return the ids of rows that may lie before what is expected."""
        oldest = self._get_oldest_day(self.env.company) or date.min
        accounts = self.env["trtc.account"].browse(
            {row["account_id"] for row in rows.values() if row["account_id"]}
        )
        bounds = {account.id: max(account.bill_from or oldest, oldest) for account in accounts}
        return [
            row_id
            for row_id, row in rows.items()
            if row["account_id"] and row["date"] < bounds[row["account_id"]]
        ]
