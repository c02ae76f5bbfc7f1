from odoo import models

from ..rating.engine import canonical


class TrtcAccount(models.Model):
    # A room of its own: under which heading the lines of an invoice stand.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _arrange_lines(self, groups):
        """Return what an invoice holds, its lines under the headings that the account chose.

        A section per account where several share the invoice, and one per application where
        the account wants it; what an account as a whole uses or pays stands last.

        :param list groups: [(values of an invoice line, what it bills)]
        :return: the same with headings between, which bill nothing
        """
        self.ensure_one()
        shared = len({vals["trtc_account_id"] for vals, _billed in groups}) > 1
        if not (shared or self._has_sections()):
            return groups
        by_place = {}
        for vals, billed in groups:
            account = self.browse(vals["trtc_account_id"])
            application = self.application_ids.browse(vals["trtc_application_id"])
            by_place.setdefault((account, application), []).append((vals, billed))
        arranged, last = [], None
        places = sorted(by_place, key=lambda place: self._get_place_order(*place))
        for account, application in places:
            if account != last:
                arranged += [(vals, ()) for vals in self._prepare_account_heading(account, shared)]
                last = account
            arranged += [
                (vals, ())
                for vals in self._prepare_application_heading(account, application, shared)
            ]
            arranged += by_place[account, application]
        return arranged

    def _has_sections(self):
        """Tell whether invoices that this account leads have headings."""
        self.ensure_one()
        return self.invoice_sections or self.invoice_grouping == "customer"

    def _get_place_order(self, account, application):
        """Return the key that sorts accounts, and in each its applications, the whole last."""
        return account.id, not application, canonical(application.sdkappid), application.id

    def _prepare_account_heading(self, account, shared):
        """Return [the values] of the heading of an account, if there is one.

        :param bool shared: several accounts are billed, though one may have left the others
        """
        if not shared and self.invoice_grouping != "customer":
            return []
        return [self._prepare_heading("line_section", account.display_name, account)]

    def _prepare_application_heading(self, account, application, shared):
        """Return [the values] of the heading of an application, if there is one.

        :param application: empty: what the account as a whole uses or pays
        """
        if not self.invoice_sections:
            return []
        self = self.with_context(lang=self._get_customer_lang())
        grouped = shared or self.invoice_grouping == "customer"
        level = "line_subsection" if grouped else "line_section"
        name = application.display_name or self.env._("Whole account")
        return [self._prepare_heading(level, name, account, application)]

    def _prepare_heading(self, level, name, account, application=None):
        """Return the values of a heading.

        :param str level: ``line_section`` or ``line_subsection``
        """
        return {
            "display_type": level,
            "name": name,
            "trtc_name": name,
            "trtc_account_id": account.id,
            "trtc_application_id": application.id if application else False,
        }

    def _prepare_rounding_lines(self, difference, exact_total, like):
        """Return [the values] of the rounding line, with a heading where lines have them.

        :param float difference: what the other lines miss
        :param Decimal exact_total: the exact sum that the invoice bills
        :param like: the invoice line whose taxes and analytic distribution it shares
        """
        vals = [self._prepare_rounding_line(difference, exact_total, like)]
        if not self._has_sections():
            return vals
        translated = self.with_context(lang=self._get_customer_lang())
        heading = self._prepare_heading(
            "line_section", translated.env._("Rounding"), self.browse()
        )
        # One with the line below it: both come and go together.
        return [{**heading, "sequence": 9998, "trtc_is_rounding": True}, *vals]
