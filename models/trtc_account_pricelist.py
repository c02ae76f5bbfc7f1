from datetime import date

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .commands import check_links
from .markers import WATCHED


class TrtcAccountPricelist(models.Model):
    """The pricelist that an account has from a billing day on.

    An account without any has its ``pricelist_id`` on all days.  What changes here for
    days that are settled leads to adjustments.
    """

    _name = "trtc.account.pricelist"
    _description = "TRTC Pricelist of an Account From a Day"
    _inherit = ["trtc.given", "trtc.entered"]
    _order = "account_id, date_start, id"
    _check_company_auto = True

    # === FIELDS === #

    account_id = fields.Many2one(
        "trtc.account", required=True, ondelete="cascade", index=True, check_company=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True)
    date_start = fields.Date(
        string="From", help="The first billing day; empty: from the beginning."
    )
    pricelist_id = fields.Many2one(
        "product.pricelist", required=True, ondelete="restrict", index=True, check_company=True
    )

    # An empty day is one, too.
    _day_once = models.UniqueIndex(
        "(account_id, coalesce(date_start, '0001-01-01'::date))",
        "An account has one pricelist from a day on: change that one.",
    )

    # === COMPUTE === #

    @api.depends("account_id.name", "pricelist_id.name", "date_start")
    def _compute_display_name(self):
        for row in self:
            row.display_name = self.env._(
                "%(account)s: %(pricelist)s from %(day)s",
                account=row.account_id.name or "",
                pricelist=row.pricelist_id.name or "",
                day=row.date_start or self.env._("the beginning"),
            )

    # === CONSTRAINT === #

    @api.constrains("account_id", "pricelist_id")
    def _check_currency(self):
        for row in self:
            if row.pricelist_id.currency_id != row.account_id.currency_id:
                raise ValidationError(
                    self.env._(
                        "%(account)s is billed in %(currency)s: choose a pricelist in that "
                        "currency instead of %(pricelist)s.",
                        account=row.account_id.display_name,
                        currency=row.account_id.currency_id.name,
                        pricelist=row.pricelist_id.display_name,
                    )
                )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        check_links(self, vals_list)
        if self._is_watched():
            return super().create(vals_list)
        self.check_access("create")
        vals_list = [{**self.default_get(["account_id"]), **vals} for vals in vals_list]
        self._check_given(vals_list)
        for vals in vals_list:
            self._trtc_check_values(vals)
        if not all(vals.get("account_id") for vals in vals_list):
            # Said by who knows what is missing.
            return super().create(vals_list)
        accounts = self.account_id.browse({vals["account_id"] for vals in vals_list})
        before = self._look(accounts)
        super().create(self._prepare_first_rows(vals_list))
        rows = super().create(vals_list)
        accounts._follow_pricelists(before)
        return rows

    def write(self, vals):
        if self._is_watched():
            return super().write(vals)
        self.check_access("write")
        self._check_given([vals])
        accounts = self.account_id | self.account_id.browse(vals.get("account_id") or ())
        before = self._look(accounts)
        result = super().write(vals)
        if "account_id" in vals:
            # Rules are checked before only, when the company was still the old one.
            self.check_access("write")
        accounts._follow_pricelists(before)
        return result

    def unlink(self):
        if self._is_watched():
            return super().unlink()
        self.check_access("unlink")
        accounts = self.account_id
        before = self._look(accounts)
        result = super().unlink()
        accounts._follow_pricelists(before)
        return result

    # === TOOLING === #

    @api.model
    def _look(self, accounts):
        """Hold accounts for a change and return the pricelists of what is settled."""
        accounts.sudo()._hold_for_billing()
        return accounts.sudo()._get_settled_pricelists()

    def _is_watched(self):
        """Tell whether this change is a part of one that is followed as a whole."""
        return self.env.context.get("trtc_watched") is WATCHED

    def _prepare_first_rows(self, vals_list):
        """Return the rows that keep the pricelist of the days before a first row."""
        later, whole = set(), set()
        for vals in vals_list:
            (later if vals.get("date_start") else whole).add(vals["account_id"])
        accounts = self.account_id.browse(sorted(later - whole)).sudo()
        return [
            {"account_id": account.id, "pricelist_id": account.pricelist_id.id}
            for account in accounts
            if not account.pricelist_history_ids
        ]

    def _get_first_day(self):
        return self.date_start or date.min
