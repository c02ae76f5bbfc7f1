from odoo import api, models


class TrtcMade(models.AbstractModel):
    """A record that the software alone makes, changes and deletes.

    Nobody has a right to, and no administrator is asked for one: who tries is told what makes
    such records instead.
    """

    _name = "trtc.made"
    _description = "TRTC Record That the Software Makes"
    _inherit = ["trtc.depended"]

    # === CRUD === #

    @api.model
    def name_create(self, name):
        self.check_access("create")
        return super().name_create(name)

    # === TOOLING === #

    @api.model
    def _get_made_message(self):
        """Return why nobody makes, changes or deletes such a record, and what to do instead."""
        return self.env._(
            "%(model)s: the software keeps these records by itself. Nobody makes, changes or "
            "deletes one by hand.",
            model=self.env["ir.model"]._get(self._name).name,
        )


class IrModelAccess(models.Model):
    _inherit = "ir.model.access"

    # === CORE OVERRIDES === #

    def _make_access_error(self, model, mode):
        """Say of what nobody may do what to do instead of asking for the right to it."""
        error = super()._make_access_error(model, mode)
        told = getattr(self.env[model], "_get_made_message", None)
        if told and mode != "read" and not self.group_names_with_access(model, mode):
            error.args = (told(),)
        return error
