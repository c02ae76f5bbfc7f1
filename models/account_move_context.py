from odoo import api, models

from .given import check_given

#: The prefix of the fields that tie documents to usage.
OWN = "trtc_"


def without_own_defaults(records):
    """Return records that no default of ours from outside reaches, whoever makes them."""
    keys = [key for key in records.env.context if key.startswith(f"default_{OWN}")]
    if not (records.env.su and keys):
        return records
    context = {key: value for key, value in records.env.context.items() if key not in keys}
    return records.with_env(records.env(context=context))


class AccountMove(models.Model):
    # A room of its own: what no context and no form from outside may do to our documents.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    @api.model
    def default_get(self, fields_list):
        return super(AccountMove, without_own_defaults(self)).default_get(fields_list)

    def onchange(self, values, field_names, fields_spec):
        # What is computed from them is shown with more rights than the user has.
        check_given(self, [values], prefix=OWN)
        return super().onchange(values, field_names, fields_spec)


class AccountMoveLine(models.Model):
    # A room of its own: likewise for lines.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    @api.model
    def default_get(self, fields_list):
        return super(AccountMoveLine, without_own_defaults(self)).default_get(fields_list)

    def onchange(self, values, field_names, fields_spec):
        check_given(self, [values], prefix=OWN)
        return super().onchange(values, field_names, fields_spec)
