from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError

MODULE = "trtc_billing"


class BaseModuleUninstall(models.TransientModel):
    _inherit = "base.module.uninstall"

    # === FIELDS === #

    trtc_is_lost = fields.Boolean(compute="_compute_trtc_loss")
    trtc_loss = fields.Html(
        string="What Goes with TRTC Billing", compute="_compute_trtc_loss", sanitize=False
    )

    # === COMPUTE === #

    @api.depends("module_ids")
    def _compute_trtc_loss(self):
        for wizard in self:
            lost = MODULE in wizard._get_modules().mapped("name")
            wizard.trtc_is_lost = lost
            wizard.trtc_loss = lost and wizard._trtc_show_loss()

    # === ACTION === #

    def action_trtc_export(self):
        """Download all that is lost."""
        return {"type": "ir.actions.act_url", "url": "/trtc_billing/export.zip", "target": "new"}

    # === TOOLING === #

    def _trtc_show_loss(self):
        """Return a table of what each company loses.

        :raise AccessError: for a user who may not uninstall: others read counts of their own
            companies only
        """
        if not self.env.is_system():
            raise AccessError(
                self.env._("Only an administrator of the system can see what uninstalling deletes.")
            )
        models = self.env["trtc.export"].sudo()._get_counted()
        counts = {model: self._trtc_count(model) for model in models}
        companies = sorted(
            {company for found in counts.values() for company in found},
            key=lambda company: (not company, company.sequence, company.name or ""),
        )
        if not companies:
            return Markup("<p>%s</p>") % self.env._("There is no usage and nothing settled yet.")
        head = Markup().join(
            Markup('<th class="text-end">%s</th>') % (company.name or self.env._("No company"))
            for company in companies
        )
        body = Markup().join(
            Markup("<tr><td>%s</td>%s</tr>")
            % (
                models[model],
                Markup().join(
                    Markup('<td class="text-end">%s</td>') % f"{found.get(company, 0):,}"
                    for company in companies
                ),
            )
            for model, found in counts.items()
            if found
        )
        return Markup(
            '<table class="table table-sm"><thead><tr><th/>%s</tr></thead>'
            "<tbody>%s</tbody></table>"
        ) % (head, body)

    def _trtc_count(self, model):
        """Return {company: how many records of a model it has}, over all companies."""
        records = self.env[model].sudo().with_context(active_test=False)
        return dict(records._read_group([], ["company_id"], ["__count"]))
