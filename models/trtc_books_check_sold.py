from decimal import Decimal

from odoo import models
from odoo.tools import SQL

from .figures import show_money
from .trtc_books_check import INFORMATION


class TrtcBooksCheck(models.Model):
    # A room of its own: what was sold without usage behind it, such as copies of invoices.
    _inherit = "trtc.books.check"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_checks(self):
        return [*super()._get_checks(), self._find_sold]

    def _find_sold(self, accounts, date_from, date_to):
        """Find posted documents that sell products of TRTC without usage or a fee behind it.

        Somebody may have meant it. Lines that say what lines of usage say are a copy of them,
        and bill the same usage again.
        """
        customers = accounts.commercial_partner_id
        own = SQL("move.commercial_partner_id = ANY(%s)", customers.ids)
        by_customer = accounts.sorted("id").grouped("commercial_partner_id")
        findings = []
        for row in self._get_sold(accounts.company_id, own, date_from, date_to):
            customer = self.env["account.move"].browse(row[0]).commercial_partner_id
            findings.append(self._prepare_sold(row, by_customer[customer][:1]))
        return findings

    def _find_sold_elsewhere(self, company, date_from, date_to):
        """Find the same of customers without an account."""
        accounts = self.env["trtc.account"]
        known = accounts.with_context(active_test=False).search([("company_id", "=", company.id)])
        others = SQL("move.commercial_partner_id <> ALL(%s)", known.commercial_partner_id.ids)
        return [
            self._prepare_sold(row, accounts)
            for row in self._get_sold(company, others, date_from, date_to)
        ]

    def _get_sold(self, company, whose, date_from, date_to):
        """Return [(document, day, lines, amount, id of the document that it repeats or None)].

        What was reversed, and its reversal, are left out.

        :param SQL whose: which rows named ``move`` to look at
        """
        if not company:
            # Without an account nothing says whose books these are.
            return []
        self.env.flush_all()
        return self.env.execute_query(
            SQL(
                """
                SELECT move.id, coalesce(move.invoice_date, move.date) AS day, count(*),
                       sum(CASE WHEN move.move_type = 'out_refund' THEN -1 ELSE 1 END
                           * line.price_subtotal)::text, twin.move_id
                  FROM account_move move
                  JOIN account_move_line line
                    ON line.move_id = move.id AND line.display_type = 'product'
             LEFT JOIN LATERAL (
                       SELECT other.move_id
                         FROM account_move_line other
                         JOIN account_move original
                           ON original.id = other.move_id AND original.state = 'posted'
                          AND original.move_type = move.move_type
                         JOIN trtc_allocation row
                           ON row.move_line_id = other.id AND row.released IS NOT TRUE
                          AND row.kind = 'bill'
                          AND coalesce(row.credited_quantity, 0) <> row.quantity
                        WHERE other.product_id = line.product_id AND other.id <> line.id
                          AND other.company_id = move.company_id
                          AND original.commercial_partner_id = move.commercial_partner_id
                          AND other.name = line.name AND other.quantity = line.quantity
                          AND other.price_unit = line.price_unit
                        ORDER BY other.move_id
                        LIMIT 1) AS twin ON true
             LEFT JOIN account_move reversed ON reversed.id = move.reversed_entry_id
                 WHERE move.company_id = %(company)s AND move.state = 'posted'
                   AND move.move_type IN ('out_invoice', 'out_refund', 'out_receipt')
                   AND coalesce(move.invoice_date, move.date)
                       BETWEEN %(date_from)s AND %(date_to)s
                   AND %(whose)s
                   AND line.product_id IN (SELECT product_id FROM trtc_item
                                     UNION SELECT product_id FROM trtc_fee
                                     UNION SELECT fee_product_id FROM trtc_edition)
                   -- What is of an account and names an item is looked at with its ledger.
                   AND (move.trtc_account_id IS NULL
                        OR num_nonnulls(line.trtc_item_id, line.trtc_fee_id) = 0)
                   AND line.trtc_is_rounding IS NOT TRUE
                   AND NOT EXISTS (SELECT FROM trtc_allocation row
                                    WHERE row.move_line_id = line.id
                                      AND row.released IS NOT TRUE)
                   AND 'reversed' NOT IN (coalesce(move.payment_state, ''),
                                          coalesce(reversed.payment_state, ''))
                 GROUP BY move.id, twin.move_id
                 ORDER BY day, move.id, twin.move_id
                """,
                company=company.id,
                whose=whose,
                date_from=date_from,
                date_to=date_to,
            )
        )

    def _prepare_sold(self, row, account):
        """Return the values of a finding about a row of :meth:`_get_sold`."""
        move_id, day, count, amount, original_id = row
        move = self.env["account.move"].browse(move_id)
        values = {
            "document": move.display_name,
            "count": count,
            "amount": show_money(self.env, Decimal(amount), move.currency_id),
        }
        places = {"account_id": account.id, "date_to": day}
        if not original_id:
            return self._prepare_finding(
                "sold",
                self.env._(
                    "%(document)s sells TRTC products on %(count)s lines for %(amount)s, without "
                    "usage or a fee behind them.",
                    **values,
                ),
                self.env._(
                    "Leave the lines if somebody entered them on purpose. Credit them if they "
                    "repeat what another invoice bills."
                ),
                "account.move",
                [("id", "=", move_id)],
                severity=INFORMATION,
                **places,
            )
        original = move.browse(original_id)
        return self._prepare_finding(
            "sold",
            self.env._(
                "%(document)s repeats %(count)s lines of %(original)s, which bill TRTC usage or "
                "fees: %(amount)s are billed twice.",
                original=original.display_name,
                **values,
            ),
            self.env._(
                "Credit %(document)s, or these lines of it. What is wrong on %(original)s is "
                "corrected by Credit Note or Credit Usage there.",
                original=original.display_name,
                **values,
            ),
            "account.move",
            [("id", "in", [move_id, original_id])],
            expected=Decimal(0),
            found=Decimal(amount),
            **places,
        )
