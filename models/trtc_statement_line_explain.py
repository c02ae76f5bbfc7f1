from decimal import Decimal

from odoo import api, models

from .figures import show_figure, to_decimal


class TrtcStatementLine(models.Model):
    _inherit = "trtc.statement.line"

    # === COMPUTE === #

    @api.depends_context("lang")
    @api.depends("trace", "status", "kind", "amount")
    def _compute_explanation(self):
        for line in self:
            line.explanation = " ".join(line._get_sentences())

    # === TOOLING === #

    def _get_sentences(self, names=None):
        """Return, as sentences for a customer, how this line came to be.

        :param dict names: {pack: what to call it}, where that is not its usual name
        """
        self.ensure_one()
        names = names or {}
        if not (self.trace or {}).get("was"):
            return [*self._get_metering_sentences(names), self._get_status_sentence()]
        sentences = [self._get_correction_sentence()]
        if Decimal(self.trace["now"]["quantity"]):
            sentences += self._get_quota_sentences()
        sentences += [self._get_draw_sentence(draw, names) for draw in self._get_draws()]
        if Decimal(self.trace["now"]["quantity"]):
            sentences.append(self._get_status_sentence())
        return sentences

    def _get_draws(self):
        """Return what this line drew, in the order in which packs were drawn from."""
        return self.sudo().draw_ids.sorted(lambda draw: draw.pack_id._get_order())

    def _get_metering_sentences(self, names):
        trace, usage_unit, unit = self.trace or {}, self.usage_uom_id, self.uom_id
        metered = self._show(self.metered_quantity, usage_unit)
        sentences = []
        if self.kind == "robot":
            sentences.append(
                self.env._("A robot that a task puts into the room is billed like a user.")
            )
        if self.item_id.aggregation == "peak":
            sentences.append(self.env._("Highest value at any one time: %(usage)s.", usage=metered))
        else:
            sentences.append(self.env._("Usage in this period: %(usage)s.", usage=metered))
        block = Decimal(trace.get("block_size", "1"))
        if block != 1:
            sentences.append(
                self.env._(
                    "Rounded up to whole blocks of %(block)s: %(quantity)s.",
                    block=self._show(block, usage_unit),
                    quantity=self._show(self.quantity, unit),
                )
            )
        draws = self._get_draws()
        granted = sum(draw.units for draw in draws if draw.pack_id.kind == "free")
        own = to_decimal(self.free_quantity) - to_decimal(granted)
        if own:
            per = {
                ("account", "day"): self.env._("per account and day"),
                ("account", "month"): self.env._("per account and month"),
                ("application", "day"): self.env._("per application and day"),
                ("application", "month"): self.env._("per application and month"),
            }
            sentences.append(
                self.env._(
                    "Of these %(free)s free (%(quota)s %(per)s).",
                    free=self._show(own, unit),
                    quota=self._show(Decimal(trace.get("free_quantity", "0")), unit),
                    per=per[trace.get("free_scope", "account"), self.cycle],
                )
            )
        return sentences + [self._get_draw_sentence(draw, names) for draw in draws]

    def _get_draw_sentence(self, draw, names):
        """Return which pack covered how much, and what it cost there."""
        values = {
            "units": self._show(abs(draw.units), self.uom_id),
            "pack": names.get(draw.pack_id) or draw.pack_id._get_customer_name(),
            "minutes": self._show(abs(draw.minutes)),
        }
        if draw.minutes < 0:
            return self.env._("Given back to %(pack)s: %(minutes)s minutes.", **values)
        if draw.units <= 0:
            # Other ratios hold than before: the same usage takes more minutes.
            return self.env._("Taken from %(pack)s besides: %(minutes)s minutes.", **values)
        ratio = to_decimal(draw.minutes) / to_decimal(draw.units)
        if ratio == 1:
            return self.env._("Covered by %(pack)s: %(units)s.", **values)
        return self.env._(
            "Covered by %(pack)s: %(units)s, each of which takes %(ratio)s minutes, so "
            "%(minutes)s minutes.",
            ratio=self._show(ratio),
            **values,
        )

    def _get_correction_sentence(self):
        was, now = self.trace["was"], self.trace["now"]
        covered = [Decimal(one.get("free", "0")) + Decimal(one["pack"]) for one in (was, now)]
        if was["quantity"] == now["quantity"] and covered[0] != covered[1]:
            return self.env._(
                "Correction of a settled period: of %(quantity)s free minutes and packs covered "
                "%(was)s before and cover %(now)s now, because usage, minutes or settings of "
                "this or an earlier day changed.",
                quantity=self._show(Decimal(now["quantity"]), self.uom_id),
                was=self._show(covered[0]),
                now=self._show(covered[1]),
            )
        if was["quantity"] == now["quantity"] and self.sudo().draw_ids:
            return self.env._("Correction of a settled period: other packs cover the usage now.")
        if was["quantity"] == now["quantity"]:
            return self.env._(
                "Correction of a settled period: usage of %(was)s before, %(now)s now, which "
                "changes no billed quantity.",
                was=self._show(Decimal(was["metered"]), self.usage_uom_id),
                now=self._show(Decimal(now["metered"]), self.usage_uom_id),
            )
        if Decimal(now["quantity"]):
            return self.env._(
                "Correction of a settled period: %(was)s before, %(now)s now.",
                was=self._show(Decimal(was["quantity"]), self.uom_id),
                now=self._show(Decimal(now["quantity"]), self.uom_id),
            )
        return self.env._(
            "Takes back %(was)s as settled before.",
            was=self._show(Decimal(was["quantity"]), self.uom_id),
        )

    def _get_quota_sentences(self):
        """Return, for a correction, what the item's own free quantity covers more or less."""
        was, now = (Decimal(self.trace[one].get("free", "0")) for one in ("was", "now"))
        granted = self._get_draws().filtered(lambda draw: draw.pack_id.kind == "free")
        change = now - was - sum(to_decimal(draw.units) for draw in granted)
        if not change:
            return []
        quantity = self._show(abs(change), self.uom_id)
        if change > 0:
            return [
                self.env._(
                    "The item's own free quantity covers %(quantity)s more than before.",
                    quantity=quantity,
                )
            ]
        return [
            self.env._(
                "The item's own free quantity covers %(quantity)s less than before.",
                quantity=quantity,
            )
        ]

    def _get_status_sentence(self):
        feature = self.item_id.feature_id.name or ""
        if self.status == "locked" and not self.is_pending:
            return self.env._(
                "The edition of that day did not unlock %(feature)s; it was decided since: see "
                "the adjustment.",
                feature=feature,
            )
        if self.status == "locked":
            return self.env._(
                "The edition of that day does not unlock %(feature)s: this usage is not "
                "billed until somebody decides about it.",
                feature=feature,
            )
        if self.status == "waived":
            return self.env._(
                "The edition of that day does not unlock %(feature)s; by decision this usage "
                "is not billed.",
                feature=feature,
            )
        if self.status == "unpriced":
            return self.env._(
                "The pricelist has no price for this item on that day: it is not billed until "
                "there is one."
            )
        if not self.billable_quantity:
            return self.env._("Nothing is billed.")
        return self.env._(
            "Billed: %(quantity)s at %(price)s %(currency)s each = %(amount)s "
            "%(currency)s%(list)s.",
            quantity=self._show(self.billable_quantity, self.uom_id),
            price=self._show(self.price_unit),
            amount=self._show(self.amount),
            currency=self.currency_id.name,
            list=self._get_pricelist_hint(),
        )

    def _get_pricelist_hint(self):
        rule = (self.trace or {}).get("price_rule")
        return self.env._(" (pricelist %(name)s)", name=rule["pricelist"]) if rule else ""

    def _show(self, figure, unit=None):
        """Return a figure in the reader's number format, without needless zeros."""
        text = show_figure(self.env, figure)
        if not unit:
            return text
        # "22 × 1,000 sheets", not "22 1,000 sheets".
        sign = " × " if unit.name[:1].isdigit() else " "
        return f"{text}{sign}{unit.name}"
