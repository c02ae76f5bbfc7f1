from odoo import api, fields, models
from odoo.exceptions import ValidationError

#: Display types of headings.
SECTIONS = ("line_section", "line_subsection")


class AccountMoveLine(models.Model):
    # A room of its own: whose usage a line bills, and where it stands on the invoice.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_account_id = fields.Many2one(
        "trtc.account",
        string="TRTC Account",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        help="The account whose usage or fee this line bills.",
    )
    trtc_application_id = fields.Many2one(
        "trtc.application",
        string="TRTC Application",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        help="Where the account wants sections: the application under which this line stands.",
    )
    trtc_distribution = fields.Json(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="The analytic distribution that the application of this line asks for.",
    )

    # === BUSINESS === #

    def _trtc_get_key(self):
        if self._trtc_is_section():
            return self._trtc_get_place()
        return super()._trtc_get_key()[0], self._trtc_get_place()

    @api.model
    def _trtc_prepare_key(self, vals):
        place = self._trtc_prepare_place(vals)
        if vals.get("display_type"):
            return place
        return super()._trtc_prepare_key(vals), place

    def _trtc_get_place(self):
        """Return where this line stands, in a form that can be compared."""
        self.ensure_one()
        # Drafts of former versions do not say whose their lines are.
        account = self.trtc_account_id or self.move_id.trtc_account_id
        return self._trtc_prepare_place(
            {
                "display_type": self._trtc_is_section() and self.display_type,
                "trtc_account_id": account.id,
                "trtc_application_id": self.trtc_application_id.id,
                "trtc_distribution": self.trtc_distribution,
            }
        )

    @api.model
    def _trtc_prepare_place(self, vals):
        """Return the same of the values of a line."""
        return (
            vals.get("display_type") or False,
            vals.get("trtc_account_id") or False,
            vals.get("trtc_application_id") or False,
            tuple(sorted((vals.get("trtc_distribution") or {}).items())),
        )

    def _trtc_prepare_same_place(self):
        """Return the values of a line that takes back or bills again what this one bills."""
        self.ensure_one()
        return {
            "trtc_account_id": self.trtc_account_id.id,
            "trtc_application_id": self.trtc_application_id.id,
            "trtc_distribution": self.trtc_distribution,
        }

    def _trtc_is_section(self):
        """Tell whether this is the heading of an account or application."""
        self.ensure_one()
        return self.display_type in SECTIONS and bool(self.trtc_name)

    def _trtc_is_generated(self):
        """Tell whether this line was made by TRTC Billing."""
        self.ensure_one()
        return bool(
            self.trtc_item_id
            or self.trtc_fee_id
            or self.trtc_is_rounding
            or self._trtc_is_section()
        )

    def _trtc_is_as_generated(self):
        if self._trtc_is_section():
            return self.name == self.trtc_name
        return super()._trtc_is_as_generated()

    def _trtc_follow_distribution(self, like):
        """Let this rounding line be distributed as the line that it belongs to is by now.

        What somebody entered here by hand stays as long as that one stays as it is.
        """
        for line in self.filtered(lambda line: line.display_type == "product"):
            if (line.trtc_distribution or False) != (like.analytic_distribution or False):
                line.write(
                    {
                        "trtc_distribution": like.analytic_distribution,
                        "analytic_distribution": like.analytic_distribution,
                    }
                )

    def _validate_analytic_distribution(self):
        """Say which lines lack a distribution, and where it is entered."""
        try:
            return super()._validate_analytic_distribution()
        except ValidationError as error:
            self.invalidate_recordset(["has_invalid_analytics"])
            lacking = self.filtered("has_invalid_analytics")
            if not lacking.move_id.trtc_account_id:
                raise
            raise ValidationError(
                self.env._(
                    "%(invoice)s, %(lines)s: the analytic distribution that a plan demands is not "
                    "complete. Enter it on the line; for invoices to come, on the application, or "
                    "under Invoicing on the account.",
                    invoice=lacking.move_id._trtc_get_names(),
                    lines=", ".join((line.name or "").partition("\n")[0] for line in lacking),
                )
            ) from error

    def _trtc_complete_distribution(self):
        """Add what applications and accounts say by now of the plans that these lines lack.

        What stands on a line stays. A line of applications that differ waits for somebody.
        """
        for line in self:
            rows = line.sudo().trtc_allocation_ids
            found = [
                billed.account_id._get_analytic_distribution(billed.application_id)
                for billed in (*rows.statement_line_id, *rows.fee_id)
            ]
            if found and found[0] and all(one == found[0] for one in found):
                line.trtc_distribution = found[0]
                line.analytic_distribution = rows.account_id[:1]._complete_distribution(
                    line.analytic_distribution, found[0]
                )

    def _related_analytic_distribution(self):
        """Add what the application asks for; distribution models fill other plans only."""
        return {**super()._related_analytic_distribution(), **(self.trtc_distribution or {})}
