from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class ResPartner(models.Model):
    _inherit = "res.partner"

    # === CRUD === #

    def write(self, vals):
        moves = not {"parent_id", "is_company"}.isdisjoint(vals)
        known = self._get_trtc_accounts_away() if moves else None
        result = super().write(vals)
        if moves:
            for account in self._get_trtc_accounts_away() - known:
                account._tell_of_moved_contact()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_trtc_customer(self):
        """What was settled for a customer stays readable, so the customer stays."""
        for model in ("trtc.account", "trtc.statement", "trtc.fee", "trtc.minute.pack"):
            records = self.env[model].sudo().with_context(active_test=False)
            names = {"partner_id", "commercial_partner_id"} & set(records._fields)
            domain = Domain.OR(Domain(name, "in", self.ids) for name in names)
            found = records.search(domain, limit=1)
            for partner in (found[name] for name in sorted(names)) if found else ():
                if partner in self:
                    raise UserError(
                        self.env._(
                            "TRTC usage is billed to %(partner)s (%(record)s): archive the "
                            "contact instead of deleting it.",
                            partner=partner.display_name,
                            record=found.display_name,
                        )
                    )

    # === TOOLING === #

    def _get_trtc_accounts_away(self):
        """Return the accounts of these contacts and theirs that another customer is billed for."""
        accounts = self.env["trtc.account"].sudo().with_context(active_test=False)
        accounts = accounts.search([("partner_id", "child_of", self.ids)])
        return accounts.filtered(lambda account: account._is_contact_away())
