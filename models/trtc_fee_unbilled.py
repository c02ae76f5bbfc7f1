from odoo import api, models


class TrtcFee(models.Model):
    # A room of its own: what is accrued is not recognised for the same day again.
    _inherit = "trtc.fee"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    @api.model
    def _get_prepayments(self, company, date, replaced):
        """Leave fees out whose earned part stands in an accrual of that day or a later one.

        Their invoice is dated after it: what is earned comes with the next recognition, when
        the accrual is reversed.
        """
        prepayments = super()._get_prepayments(company, date, replaced)
        if not prepayments:
            return prepayments
        lines = (
            self.env["trtc.accrual.line"]
            .sudo()
            .search(
                [
                    ("fee_id", "in", [one.fee.id for one in prepayments]),
                    ("date", ">=", date),
                    ("accrual_id.move_id.state", "in", ("draft", "posted")),
                ]
            )
        )
        return [one for one in prepayments if one.fee not in lines.fee_id]
