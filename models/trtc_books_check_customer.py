from odoo import models
from odoo.tools import SQL


class TrtcBooksCheck(models.Model):
    # A room of its own: whom posted documents show the usage of a customer.
    _inherit = "trtc.books.check"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _find_other_customers(self, accounts, date_from, date_to):
        """Find posted documents for another customer than the one whose usage they bill.

        A customer that has come to belong to another company still gets the own documents.
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT move.id, min(row.account_id), moves.day, row.customer_id
                  FROM (%(moves)s) AS moves
                  JOIN account_move move ON move.id = moves.id AND move.state = 'posted'
                  JOIN (SELECT row.move_id, row.account_id,
                               coalesce(statement.commercial_partner_id,
                                        fee.commercial_partner_id) AS customer_id
                          FROM trtc_allocation row
                     LEFT JOIN trtc_statement_line line ON line.id = row.statement_line_id
                     LEFT JOIN trtc_statement statement ON statement.id = line.statement_id
                     LEFT JOIN trtc_fee fee ON fee.id = row.fee_id
                         WHERE row.released IS NOT TRUE) AS row ON row.move_id = move.id
                 WHERE row.customer_id NOT IN (move.partner_id, move.commercial_partner_id)
                 GROUP BY move.id, moves.day, row.customer_id
                 ORDER BY move.id, row.customer_id
                """,
                moves=self._get_moves_query(accounts, date_from, date_to),
            )
        )
        findings = []
        for move_id, account_id, day, customer_id in rows:
            # The reader may be in no position to read the other customer.
            move = self.env["account.move"].sudo().browse(move_id)
            customer = self.env["res.partner"].sudo().browse(customer_id)
            if move.partner_id in customer.search([("id", "child_of", customer.id)]):
                continue
            finding = self._prepare_move_finding(
                "customer",
                move_id,
                account_id,
                day,
                self.env._(
                    "%(invoice)s is for %(partner)s, who reads it in the portal, and bills TRTC "
                    "usage of %(customer)s.",
                    invoice=move.display_name,
                    partner=move.commercial_partner_id.display_name,
                    customer=customer.display_name,
                ),
                expected=customer.display_name,
                found=move.commercial_partner_id.display_name,
            )
            finding["to_do"] = self.env._(
                "The customer was changed past the program. Reset the document to draft, set the "
                "customer back and confirm it; or credit it and let the next run bill the usage "
                "again. Find out what the other customer has read."
            )
            findings.append(finding)
        return findings
