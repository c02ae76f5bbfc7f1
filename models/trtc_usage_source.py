from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from ..rating import facts, texts


class Sender(NamedTuple):
    """What intake needs to know of a source: its name, and under which names it sent before."""

    name: str
    spellings: list
    restating: str
    is_new: bool = False


class TrtcUsageSource(models.Model):
    """A sender of usage: however its name is written, it is one.

    Intake enters it with its first facts. New facts carry this name; those that came before
    19.0.3.2.0 may carry another spelling of it, under which their ids are looked up too.
    """

    _name = "trtc.usage.source"
    _description = "TRTC Usage Source"
    _order = "name, id"
    _inherit = ["trtc.given", "trtc.kept", "trtc.entered"]
    _check_company_auto = True

    # === FIELDS === #

    name = fields.Char(
        required=True,
        help="The name under which a program or a file sends usage. Capitals and blanks make no "
        "difference: Feed and feed are one source.",
    )
    key = fields.Char(required=True, readonly=True, copy=False)
    spellings = fields.Json(readonly=True, copy=False)
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    restating = fields.Selection(
        [("replace", "Replace the earlier fact"), ("refuse", "Refuse")],
        string="Other Content Under a Known Id",
        required=True,
        default="replace",
        help="What happens when this source sends an id again with other content. Refuse, where "
        "its ids are not unique: nothing is replaced by mistake then.",
    )

    _key_uniq = models.Constraint(
        "UNIQUE (company_id, key)",
        "There is already a source with this name in the company. Capitals and blanks make no "
        "difference.",
    )

    # === CRUD === #

    @api.model
    def name_create(self, name):
        """Return the source of this name, a new one if there is none."""
        known = self._find(self.env.company.id, texts.fold(name or ""))
        return (known.id, known.display_name) if known else super().name_create(name)

    @api.model_create_multi
    def create(self, vals_list):
        # Its ids are known by these two: they follow from the name, wherever that comes from.
        given = self.default_get(["name"])
        vals_list = [
            self._prepare_source({**given, **vals, "key": False, "spellings": False})
            for vals in vals_list
        ]
        for vals in vals_list:
            company_id = vals.get("company_id") or self.env.company.id
            known = self._find(company_id, vals.get("key"))
            if known:
                raise ValidationError(
                    self.env._(
                        "There is a source %(name)s in the company already. Capitals and blanks "
                        "make no difference.",
                        name=known.name,
                    )
                )
        return super().create(vals_list)

    @api.model
    def _find(self, company_id, key):
        """Return the source of a company that has a key, or none."""
        return self.search([("company_id", "=", company_id), ("key", "=", key)], limit=1)

    @api.model
    def _prepare_source(self, vals):
        """Return the values of a new source, with what follows from its name."""
        if not vals.get("name"):
            return vals
        name = self._read_name(vals["name"])
        return {**vals, "name": name, "key": texts.fold(name), "spellings": [name]}

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        if "name" in (default or {}):
            return vals_list
        return [
            {**vals, "name": self.env._("%(name)s (copy)", name=source.name)}
            for source, vals in zip(self, vals_list, strict=True)
        ]

    def write(self, vals):
        self.check_access("write")
        moved = "company_id" in vals and self.company_id.ids != [vals["company_id"]]
        if self and (moved or {"key", "spellings"} & vals.keys()):
            raise UserError(
                self.env._(
                    "The company and the ids of a source cannot be changed. Create another source."
                )
            )
        if not vals.get("name"):
            # Without one, it is refused there.
            return super().write(vals)
        vals = {**vals, "name": self._read_name(vals["name"])}
        for source in self:
            if texts.fold(vals["name"]) != source.key:
                raise UserError(
                    self.env._(
                        "%(sender)s cannot be renamed to %(name)s: its ids would count once more "
                        "under another name. Only capitals and blanks of the name can change.",
                        sender=source.name,
                        name=vals["name"],
                    )
                )
            spellings = [*source.spellings, vals["name"]]
            super(TrtcUsageSource, source).write(
                {**vals, "spellings": list(dict.fromkeys(spellings))}
            )
        return True

    def _check_deletable(self):
        super()._check_deletable()
        for source in self:
            if source._has_usage():
                raise UserError(
                    self.env._(
                        "You cannot delete %(sender)s. It has sent usage, whose ids are recorded "
                        "under its name.",
                        sender=source.name,
                    )
                )

    # === TOOLING === #

    @api.model
    def _trtc_get_required(self):
        # The key follows from the name.
        return [name for name in super()._trtc_get_required() if name != "key"]

    @api.model
    def _trtc_get_enterable_fields(self):
        """Let pass what creation and renaming set themselves, whatever is sent."""
        return {"key", "spellings"}

    @api.model
    def _read_name(self, name):
        """Return the name of a sender in its one form, or raise."""
        try:
            return facts.read_text("source", name)
        except facts.FactError as error:
            raise ValidationError(self.env["trtc.usage"]._get_fact_message(error)) from None

    def _has_usage(self):
        self.ensure_one()
        return bool(
            self.env["trtc.usage"]
            .sudo()
            .search_count(
                [
                    ("company_id", "=", self.company_id.id),
                    ("source", "in", self.spellings),
                    ("state", "=", "current"),
                ],
                limit=1,
            )
        )

    # === BUSINESS === #

    @api.model
    def _get_sender(self, name):
        """Return the :class:`Sender` of the current company that a name means."""
        self.flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT name, spellings, restating FROM trtc_usage_source
                 WHERE company_id = %s AND key = %s
                """,
                self.env.company.id,
                texts.fold(name),
            )
        )
        if not rows:
            return Sender(name, [name], "replace", is_new=True)
        [(known, spellings, restating)] = rows
        return Sender(known, sorted({known, *(spellings or ())}), restating)

    @api.model
    def _enter(self, sender):
        """Enter a sender with its first facts, unless it is known.

        Somebody who enters it at this moment makes this a serialization failure, which the
        framework answers by running the whole request again.
        """
        if not sender.is_new:
            return
        self.env.execute_query(
            SQL(
                """
                INSERT INTO trtc_usage_source (company_id, name, key, spellings, restating,
                                               create_uid, create_date, write_uid, write_date)
                VALUES (%(company)s, %(name)s, %(key)s, jsonb_build_array(%(name)s::text),
                        %(restating)s, %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s,
                        now() AT TIME ZONE 'UTC')
                ON CONFLICT (company_id, key) DO NOTHING
                RETURNING id
                """,
                company=self.env.company.id,
                name=sender.name,
                key=texts.fold(sender.name),
                restating=sender.restating,
                uid=self.env.uid,
            )
        )
        self.invalidate_model()
