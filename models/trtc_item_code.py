from odoo import api, models
from odoo.exceptions import ValidationError

from ..rating import facts, texts


class TrtcItem(models.Model):
    # Codes are words of usage records: capitals and width make no difference there.
    _inherit = "trtc.item"  # pylint: disable=consider-merging-classes-inherited

    # === CONSTRAINT === #

    @api.constrains("code")
    def _check_code(self):
        """Raise for a code that usage records cannot tell from another one."""
        others = {}
        every = self.with_context(active_test=False).sudo().search([("code", "!=", False)])
        for item in every:
            others.setdefault(texts.fold(item.code), []).append(item)
        for item in self:
            same = [one for one in others[texts.fold(item.code)] if one != item]
            if same:
                raise ValidationError(
                    self.env._(
                        "%(code)s is too much like %(other)s, the code of another billing item: "
                        "capitals make no difference in usage records. Choose another code.",
                        code=item.code,
                        other=same[0].code,
                    )
                )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._clean_code(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._clean_code(vals))

    # === TOOLING === #

    @api.model
    def _clean_code(self, vals):
        """Return values with the code in the one form in which usage records are read."""
        if not vals.get("code"):
            return vals
        try:
            return {**vals, "code": facts.read_text("code", vals["code"])}
        except facts.FactError as error:
            raise ValidationError(self.env["trtc.usage"]._get_fact_message(error)) from None
