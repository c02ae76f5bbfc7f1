import json
from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..rating import facts, periods

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
    the fact is stored if its item was not known when it came first.
    """

    application: object
    item: object
    unit: str
    digest: str


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
            usage unit) and ``tags`` (flat dict of strings)
        :param str source: the sender; ids of different sources are independent
        :return: counts ``accepted``, ``duplicate``, ``restated``, ``unassigned``
            (kept, but application or item is unknown) and the list ``rejected`` of
            {"index", "id", "error"}; each record is in exactly one of the five
        :raise AccessError: for a user who may not send usage
        """
        self._check_may_ingest()
        if not isinstance(records, (list, tuple)):
            raise UserError(self.env._("records must be a list of usage records."))
        source = self._read_source(source)
        # Asked before the rights are widened: it refuses companies that are not the user's.
        company = self.env.company
        return self.sudo().with_company(company)._ingest(records, source)

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
        """Do what :meth:`ingest` promises, for a user who was checked before."""
        result = {
            "accepted": 0,
            "duplicate": 0,
            "restated": 0,
            "unassigned": 0,
            "rejected": [],
        }
        found = self._read_facts(records, result["rejected"])
        known = self._get_known([fact["id"] for fact, _place in found], source)
        ids = self._reserve_ids(len(found))
        rows, replaced = {}, {}
        for fact, place in found:
            digest = facts.fingerprint(fact) if place.unit else place.digest
            old_id, old_digest = known.get(fact["id"], (None, None))
            if old_id is not None and old_digest in (digest, place.digest):
                result["duplicate"] += 1
                continue
            row_id = ids.pop()
            rows[row_id] = {
                **self._prepare_row(fact, place),
                "id": row_id,
                "source": source,
                "fingerprint": digest,
                "import_id": usage_import.id if usage_import else None,
            }
            known[fact["id"]] = row_id, digest
            if old_id is not None:
                result["restated"] += 1
                replaced[old_id] = row_id
            elif place.application and place.item:
                result["accepted"] += 1
            else:
                result["unassigned"] += 1
        self._store(rows, replaced)
        return result

    def _read_facts(self, records, rejected):
        """Return (fact, Place) of readable records; add the others to ``rejected``."""
        zone = self.env.company.trtc_billing_tz
        read = []
        for index, record in enumerate(records):
            try:
                read.append((index, record, facts.read_record(record, zone)))
            except facts.FactError as error:
                rejected.append(self._prepare_rejection(index, record, error))
        applications = self._get_by_word(
            "trtc.application", "sdkappid", {fact["sdkappid"] for _i, _r, fact in read}
        )
        items = self._get_by_word("trtc.item", "code", {fact["item"] for _i, _r, fact in read})
        units = self._get_units()
        found = []
        for index, record, fact in read:
            place = Place(
                application=applications.get(fact["sdkappid"]),
                item=items.get(fact["item"]),
                unit=fact["unit"],
                digest=facts.fingerprint(fact),
            )
            try:
                found.append((self._convert(fact, place.item, units), place))
            except facts.FactError as error:
                rejected.append(self._prepare_rejection(index, record, error))
        rejected.sort(key=lambda rejection: rejection["index"])
        return found

    def _get_units(self):
        units = self.env["uom.uom"].search([("trtc_code", "!=", False)])
        return {unit.trtc_code: unit for unit in units}

    def _get_by_word(self, model, field, words):
        domain = [(field, "in", list(words))]
        if "company_id" in self.env[model]._fields:
            domain.append(("company_id", "=", self.env.company.id))
        records = self.env[model].with_context(active_test=False).search(domain)
        return {record[field]: record for record in records}

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

    def _get_known(self, external_ids, source):
        """Return {external id: (row id, fingerprint)} of the facts in force."""
        self.flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT external_id, id, fingerprint FROM trtc_usage
                 WHERE company_id = %s AND source = %s AND state = 'current'
                   AND external_id = ANY(%s)
                """,
                self.env.company.id,
                source,
                external_ids,
            )
        )
        return {external_id: (row_id, digest) for external_id, row_id, digest in rows}

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
            "date": periods.billing_day(fact["start"], self.env.company.trtc_billing_tz),
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
        if not rows:
            return
        stored = [old_id for old_id in replaced if old_id not in rows]
        for old_id in replaced:
            if old_id in rows:
                rows[old_id]["state"] = "superseded"
        if stored:
            self.env.cr.execute(
                SQL("UPDATE trtc_usage SET state = 'superseded' WHERE id = ANY(%s)", stored)
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
        self.env["trtc.settlement.note"]._note_rows([*rows, *stored])
        self.invalidate_model()

    def _adopt(self):
        """Assign kept usage whose application or billing item is known now.

        Found, not remembered: usage that came in while the application was being
        created is seen by neither transaction, but by the next settlement.
        """
        for model in ("trtc.application", "trtc.item", "uom.uom"):
            self.env[model].flush_model()
        touched = self.env.execute_query(
            SQL(
                """
                UPDATE trtc_usage usage
                   SET application_id = app.id, account_id = app.account_id
                  FROM trtc_application app
                 WHERE usage.application_id IS NULL AND usage.state = 'current'
                   AND app.company_id = usage.company_id AND app.sdkappid = usage.sdkappid
                RETURNING usage.id
                """
            )
        )
        touched += self._adopt_items()
        if touched:
            self.env["trtc.settlement.note"]._note_rows([row_id for (row_id,) in touched])
            self.invalidate_model()

    def _adopt_items(self):
        """Assign usage to items that are known now, converted from its units."""
        found = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT usage.item_code, coalesce(usage.unit, '')
                  FROM trtc_usage usage
                  JOIN trtc_item item ON item.code = usage.item_code
                 WHERE usage.item_id IS NULL AND usage.state = 'current'
                """
            )
        )
        items = self._get_by_word("trtc.item", "code", {code for code, _word in found})
        units = self._get_units()
        ratios = []
        for code, word in found:
            unit = units.get(word) if word else items[code].usage_uom_id
            ratio = unit and unit._trtc_ratio(items[code].usage_uom_id)
            if ratio:
                ratios.append((code, word, items[code].id, ratio))
        if not ratios:
            return []
        codes, words, ids, factors = map(list, zip(*ratios, strict=True))
        return self.env.execute_query(
            SQL(
                """
                UPDATE trtc_usage usage
                   SET item_id = found.item_id,
                       quantity = round(usage.quantity * found.ratio, 9)
                  FROM unnest(%s::text[], %s::text[], %s::int[], %s::numeric[])
                       AS found (code, word, item_id, ratio)
                 WHERE usage.item_id IS NULL AND usage.state = 'current'
                   AND usage.item_code = found.code
                   AND coalesce(usage.unit, '') = found.word
                RETURNING usage.id
                """,
                codes,
                words,
                ids,
                factors,
            )
        )
