"""What companies have in common is changed by those who have access to all of them.

Billing items, editions, features, policies and ratios belong to no company, pricelists and
products need not. What a user of one company changed there would change what customers of
the others pay. So it is refused while one of the others uses it; whose it is, is not said.
"""

from odoo import api, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from .markers import is_uninstalling


def get_other_companies(env):
    """Return the ids of companies with accounts that the user has no access to.

    Code with the rights of the superuser answers for all companies.
    """
    if env.su:
        return []
    env["trtc.account"].flush_model(["company_id"])
    rows = env.execute_query(
        SQL(
            """
            SELECT id FROM res_company company
             WHERE id <> ALL(%s)
               AND EXISTS (SELECT FROM trtc_account WHERE company_id = company.id)
            """,
            env.user.company_ids.ids,
        )
    )
    return [company_id for (company_id,) in rows]


class TrtcShared(models.AbstractModel):
    _name = "trtc.shared"
    _description = "TRTC Record That Companies Share"

    # === CRUD === #

    def write(self, vals):
        if self._trtc_get_shared_fields() & vals.keys():
            self.check_access("write")
            self._trtc_check_shared()
        return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        # Not a method of ``api.ondelete``, which a key of the context turns off.
        if not is_uninstalling(self.env):
            self._trtc_check_shared()
        return super().unlink()

    # === TOOLING === #

    @api.model
    def _trtc_get_shared_fields(self):
        """Return the names of the fields that decide what customers pay."""
        return set()

    def _trtc_filter_used(self, companies):
        """Return those of these records, with all rights, that companies use.

        :param list companies: ids of companies, all of which have accounts
        """
        return self.sudo()

    def _trtc_check_shared(self):
        """Raise if companies that the user has no access to use one of these records."""
        companies = self and get_other_companies(self.env)
        used = companies and self._trtc_filter_used(companies)
        if used:
            raise AccessError(
                self.env._(
                    "%(record)s is used by companies that you have no access to. Ask somebody "
                    "with access to all of them.",
                    record=used.sudo(False)[0].display_name,
                )
            )
