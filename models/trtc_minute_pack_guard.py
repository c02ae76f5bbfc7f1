from odoo import api, models
from odoo.exceptions import UserError

#: What only settlement and refunds write.
BOOKED_FIELDS = {"refunded", "alerted", "minutes_drawn", "minutes_sold", "fee_id"}
#: What stays of a pack as it was sold.
SOLD_FIELDS = {
    "minutes",
    "date_start",
    "date_end",
    "account_id",
    "application_id",
    "kind",
    "ratio_table_id",
}


class TrtcMinutePack(models.Model):
    # A room of its own: what a user cannot write on packs.
    _inherit = "trtc.minute.pack"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        if self.env.su:
            return super().create(vals_list)
        for vals in vals_list:
            self._check_not_booked(name for name in BOOKED_FIELDS if vals.get(name))
        packs = super().create(vals_list)
        # Values may also come as defaults of the context.
        packs._check_not_booked(name for pack in packs for name in BOOKED_FIELDS if pack[name])
        return packs

    def write(self, vals):
        self.check_access("write")
        if not self.env.su:
            self._check_not_booked(BOOKED_FIELDS & set(vals))
            self._check_not_sold(SOLD_FIELDS & set(vals))
        return super().write(vals)

    def copy(self, default=None):  # pylint: disable=method-required-super
        self.check_access("create")
        raise UserError(
            self.env._(
                "Minute packs cannot be copied. Sell minutes with Sell Minutes, or enter a pack "
                "with New."
            )
        )

    # === TOOLING === #

    def _check_not_booked(self, names):
        """Raise if one of these fields is only written by settlement and refunds."""
        for name in names:
            raise UserError(
                self.env._(
                    "%(field)s of a minute pack cannot be entered: it follows from settled usage, "
                    "from the sale and from a refund.",
                    field=self._fields[name]._description_string(self.env),
                )
            )

    def _check_not_sold(self, names):
        """Raise if one of these fields would change on a pack that was sold."""
        sold = self.filtered(lambda pack: pack.fee_id or pack.refunded)
        if sold and names:
            raise UserError(
                self.env._(
                    "%(pack)s was sold: its %(fields)s cannot change. Refund it, and sell another "
                    "one.",
                    pack=sold[0].display_name,
                    fields=", ".join(
                        self._fields[name]._description_string(self.env) for name in sorted(names)
                    ),
                )
            )
