from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .shown import is_customer


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            self._check_trtc_kept(
                vals.get("res_id")
                for vals in vals_list
                if vals.get("res_model") == "trtc.usage.import" and vals.get("res_field")
            )
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su:
            self._check_trtc_kept(self._get_trtc_import_ids())
        result = super().write(vals)
        if not self.env.su and not {"res_model", "res_id", "res_field"}.isdisjoint(vals):
            # Nor may another file take the place of the one that was imported.
            self._check_trtc_kept(self._get_trtc_import_ids())
        return result

    def unlink(self):
        if not self.env.su:
            self._check_trtc_kept(self._get_trtc_import_ids())
        return super().unlink()

    # === CORE OVERRIDES === #

    def _search(self, domain, *args, bypass_access=False, **kwargs):
        if not self.env.su and not bypass_access and is_customer(self.env):
            ours = self.env["mail.message"]._get_trtc_staff_models()
            domain = Domain(domain) & Domain("res_model", "not in", ours)
        return super()._search(domain, *args, bypass_access=bypass_access, **kwargs)

    def _inaccessible_comodel_records(self, model_and_ids, operation):
        """What the staff attaches to its messages is the staff's, like the messages."""
        if not self.env.su and is_customer(self.env):
            ours = self.env["mail.message"]._get_trtc_staff_models()
            for model in set(ours) & set(model_and_ids):
                yield from ((model, res_id) for res_id in model_and_ids[model] if res_id)
            model_and_ids = {
                model: ids for model, ids in model_and_ids.items() if model not in ours
            }
        yield from super()._inaccessible_comodel_records(model_and_ids, operation)

    # === TOOLING === #

    def _get_trtc_import_ids(self):
        """Return the ids of the imports that hold these attachments in a field."""
        return [
            attachment.res_id
            for attachment in self.sudo().exists()
            if attachment.res_model == "trtc.usage.import" and attachment.res_field
        ]

    def _check_trtc_kept(self, import_ids):
        """Refuse to touch the files of imports that were carried out.

        Messages about an import are not evidence; their attachments stay free.
        """
        ids = [import_id for import_id in import_ids if import_id]
        if not ids:
            return
        imports = self.env["trtc.usage.import"].sudo().browse(ids).exists()
        if "done" in imports.mapped("state"):
            raise UserError(
                self.env._(
                    "The file of an import that was carried out stays as it is: it shows "
                    "where usage came from."
                )
            )
