from odoo import models
from odoo.tools import SQL

from ..rating import texts


class TrtcUsage(models.Model):
    # Usage that came before its application or billing item.
    _inherit = "trtc.usage"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _adopt(self):
        """Assign kept usage whose application or billing item is known now.

        Found, not remembered: usage that came in while the application was being
        created is seen by neither transaction, but by the next settlement.
        """
        for model in ("trtc.application", "trtc.item", "uom.uom"):
            self.env[model].flush_model()
        touched = self.env.execute_query(
            SQL(
                """
                UPDATE trtc_usage usage
                   SET application_id = app.id, account_id = app.account_id
                  FROM trtc_application app
                 WHERE usage.application_id IS NULL AND usage.state = 'current'
                   AND app.company_id = usage.company_id AND app.sdkappid = usage.sdkappid
                RETURNING usage.id
                """
            )
        )
        touched += self._adopt_items()
        if touched:
            usage_ids = [row_id for (row_id,) in touched]
            self._hold_out_of_bounds(usage_ids)
            self.env["trtc.settlement.note"]._note_rows(usage_ids)
            self.invalidate_model()

    def _adopt_items(self):
        """Assign usage to items that are known now, converted from its units."""
        found = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT item_code, coalesce(unit, '')
                  FROM trtc_usage
                 WHERE item_id IS NULL AND state = 'current'
                """
            )
        )
        items = self._get_by_word("trtc.item", "code", {texts.fold(code) for code, _word in found})
        units = self._get_units()
        ratios = []
        for code, word in found:
            item = items.get(texts.fold(code))
            unit = item and (units.get(texts.fold(word)) if word else item.usage_uom_id)
            ratio = unit and unit._trtc_ratio(item.usage_uom_id)
            if ratio:
                ratios.append((code, word, item.id, ratio))
        if not ratios:
            return []
        codes, words, ids, factors = map(list, zip(*ratios, strict=True))
        return self.env.execute_query(
            SQL(
                """
                UPDATE trtc_usage usage
                   SET item_id = found.item_id,
                       quantity = round(usage.quantity * found.ratio, 9)
                  FROM unnest(%s::text[], %s::text[], %s::int[], %s::numeric[])
                       AS found (code, word, item_id, ratio)
                 WHERE usage.item_id IS NULL AND usage.state = 'current'
                   AND usage.item_code = found.code
                   AND coalesce(usage.unit, '') = found.word
                RETURNING usage.id
                """,
                codes,
                words,
                ids,
                factors,
            )
        )
