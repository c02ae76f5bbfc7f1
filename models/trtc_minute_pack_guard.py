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
#: What settlement grants by a policy, and what a paid term includes: nobody enters these.
GRANTED_KINDS = {"free", "edition"}
#: What stays of a pack as it was granted.
GRANTED_FIELDS = {"account_id", "application_id", "kind", "minutes"}


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
        packs._check_kind(packs.mapped("kind"))
        return packs

    def write(self, vals):
        self.check_access("write")
        if not self.env.su:
            self._check_not_booked(BOOKED_FIELDS & set(vals))
            self._check_not_sold(SOLD_FIELDS & set(vals))
            self._check_not_granted(vals)
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

    def _check_kind(self, kinds):
        """Raise if packs would be of a kind that nobody enters."""
        if GRANTED_KINDS.isdisjoint(kinds):
            return
        raise UserError(
            self.env._(
                "Free minutes and minutes of an edition cannot be entered: the rule of the account "
                "and a paid term grant them. Choose Prepaid or Promotional."
            )
        )

    def _check_not_granted(self, vals):
        """Raise if a pack would become one that is granted, or change though it is one."""
        for pack in self:
            changed = [
                name
                for name in sorted(GRANTED_FIELDS & set(vals))
                if not pack._trtc_holds(self._fields[name], vals[name])
            ]
            if changed and pack.kind in GRANTED_KINDS:
                raise UserError(
                    self.env._(
                        "%(pack)s was granted: its %(fields)s cannot change. Enter another pack, "
                        "or archive this one.",
                        pack=pack.display_name,
                        fields=", ".join(
                            self._fields[name]._description_string(self.env) for name in changed
                        ),
                    )
                )
            if "kind" in changed:
                self._check_kind([vals["kind"]])

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
