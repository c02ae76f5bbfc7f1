from odoo import api, models
from odoo.exceptions import UserError

from .markers import SETTLING, without_defaults


class TrtcSealed(models.AbstractModel):
    """A record that stays as settlement wrote it, whoever asks.

    Neither an administrator nor code with the rights of the superuser creates, changes or
    deletes it through the ORM.  What is deleted is refused here and not by a method of
    ``api.ondelete``, which a key of the context turns off.
    """

    _name = "trtc.sealed"
    _description = "TRTC Record That Stays as It Was Settled"
    _inherit = ["trtc.given", "trtc.made"]

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        self.check_access("create")
        self._check_settling()
        # Whoever starts a settlement could fill in by defaults what it leaves empty.
        return super(TrtcSealed, self.with_env(without_defaults(self.env))).create(vals_list)

    def write(self, vals):
        if not self._get_unsealed_fields().issuperset(vals):
            # Who has no right to it anyway is told that alone.
            self.check_access("write")
            self._check_settling()
        return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        self._check_settling()
        return super().unlink()

    # === TOOLING === #

    def _trtc_find_user(self):
        # Settlement alone deletes such rows, by the thousand, and knows what depends on them.
        return self.browse(), None

    def _get_unsealed_fields(self):
        """Return the names of the fields that say nothing of what was settled."""
        return set()

    def _check_settling(self):
        """Raise unless settlement is at work."""
        if self.env.context.get("trtc_settling") is not SETTLING:
            raise UserError(self._get_seal_message())

    @api.model
    def _get_made_message(self):
        return self._get_seal_message()

    def _get_seal_message(self):
        """Return why nobody changes such a record, and what to do instead."""
        return self.env._("This stays as it was settled; corrections are adjustments.")
