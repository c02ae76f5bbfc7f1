from odoo import models

from .markers import is_uninstalling


class TrtcKept(models.AbstractModel):
    """A record that is evidence as soon as something depends on it.

    Its deletion is refused by ``unlink`` itself: a key of the context, which anybody can
    send, turns methods of ``api.ondelete`` off.  Only the server itself, when it removes the
    module, passes.
    """

    _name = "trtc.kept"
    _description = "TRTC Record That Is Kept Once It Is Used"

    # === CRUD === #

    def unlink(self):
        self.check_access("unlink")
        if not is_uninstalling(self.env):
            self._check_deletable()
        return super().unlink()

    # === TOOLING === #

    def _check_deletable(self):
        """Raise if one of these records is used by something that is kept."""
