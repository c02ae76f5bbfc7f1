from odoo import api, fields, models
from odoo.exceptions import UserError

#: What is written where a rate may change with it.
RATED_BY = {"invoice_currency_rate", "invoice_date", "currency_id", "trtc_account_id"}
#: Rates that differ by less than this part of them are the same.
SAME = 1e-9
#: How the code of a hold begins that is for want of a rate.
HELD = "rate"


class AccountMove(models.Model):
    # A room of its own: the rate of exchange of what bills and credits usage.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_rate = fields.Float(
        string="Rate of the Date",
        digits=0,
        readonly=True,
        copy=False,
        help="The exchange rate of the invoice date as it was last looked up: it tells whether "
        "somebody typed another one.",
    )

    # === COMPUTE === #

    def _compute_invoice_currency_rate(self):
        # A form shows what becomes of the rate; nobody sees it where the program sets a date.
        typed = self.filtered(lambda move: move.id and move._trtc_has_typed_rate())
        super(AccountMove, self - typed)._compute_invoice_currency_rate()
        for move in typed:
            move.invoice_currency_rate = move.invoice_currency_rate

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        moves = super().create(vals_list)
        # Others are dated first.
        moves.filtered("reversed_entry_id")._trtc_fit_rates()
        return moves

    def write(self, vals):
        if "trtc_rate" in vals or RATED_BY.isdisjoint(vals):
            return super().write(vals)
        typed = self.filtered(lambda move: move._trtc_has_typed_rate())
        result = super().write(vals)
        if "invoice_currency_rate" in vals:
            typed = self
        (self - typed)._trtc_fit_rates()
        for move in typed._trtc_filter_rated():
            move._trtc_note_rate()
        return result

    def _post(self, soft=True):
        # Core posts a reversal before it is of an account.
        reversals = self.sudo().filtered("reversed_entry_id.trtc_account_id")
        reversals.filtered(lambda move: not move.trtc_account_id)._trtc_check_rates()
        return super()._post(soft)

    # === CORE OVERRIDES === #

    def _get_invoice_currency_rate_date(self):
        self.ensure_one()
        if not self.invoice_date and self.sudo().trtc_account_id:
            return self.company_id.sudo()._trtc_today()
        return super()._get_invoice_currency_rate_date()

    def _get_expected_currency_rate_at(self, date):
        if self._trtc_has_rate_of_original():
            return self.sudo().reversed_entry_id.invoice_currency_rate
        return super()._get_expected_currency_rate_at(date)

    # === BUSINESS === #

    @api.model
    def _trtc_create_or_refresh(self, bills):
        moves = super()._trtc_create_or_refresh(bills)
        moves._trtc_fit_rates()
        return moves

    def _trtc_filter_rated(self):
        """Return those drafts of usage that are in another currency than the books."""
        return self.sudo().filtered(
            lambda move: (
                move.trtc_account_id
                and move.state == "draft"
                and move.currency_id != move.company_currency_id
            )
        )

    def _trtc_has_rate_of_original(self):
        """Tell whether this credits usage at the rate of the invoice that it credits."""
        self.ensure_one()
        move = self.sudo()
        origin = move.reversed_entry_id
        return (
            bool(origin.trtc_account_id)
            and move.company_id.trtc_credit_rate == "original"
            and (origin.company_id, origin.currency_id) == (move.company_id, move.currency_id)
        )

    def _trtc_has_typed_rate(self):
        """Tell whether somebody typed another rate than that of the date."""
        self.ensure_one()
        move = self.sudo()
        return (
            bool(move.trtc_rate)
            and move.currency_id == move.trtc_account_id.currency_id
            and not self._trtc_is_same_rate(move.invoice_currency_rate, move.trtc_rate)
        )

    @api.model
    def _trtc_is_same_rate(self, one, other):
        return abs(one - other) <= SAME * abs(other)

    def _trtc_get_rate(self, known=None):
        """Return the rate of the date of this document, which is that of posting without one.

        :param dict known: rates that were looked up already in the same call
        """
        day = self._get_invoice_currency_rate_date()
        if known is None or self._trtc_has_rate_of_original():
            return self._get_expected_currency_rate_at(day)
        key = ("rate", self.company_id, self.currency_id, day)
        if key not in known:
            known[key] = self._get_expected_currency_rate_at(day)
        return known[key]

    def _trtc_fit_rates(self, known=None):
        """Let drafts have the rate of their date until they are posted.

        What somebody typed stays. A draft without a rate is held, and says so.
        """
        known = {} if known is None else known
        for move in self._trtc_filter_rated():
            if not move._trtc_has_typed_rate():
                rate = move._trtc_get_rate(known)
                if not move._trtc_is_same_rate(move.invoice_currency_rate, rate):
                    # Nobody changed the document.
                    fitting = move.with_context(skip_is_manually_modified=True)
                    fitting.write({"invoice_currency_rate": rate, "trtc_rate": rate})
                else:
                    move._trtc_note_rate(known)
            move._trtc_hold_without_rate(known)

    def _trtc_filter_unfit(self, known):
        """Return those drafts whose rate, or what holds them for want of one, is out of date."""

        def is_unfit(move):
            if move._trtc_get_rate_code(known) != move._trtc_get_held_code():
                return True
            if move._trtc_has_typed_rate():
                return False
            rate = move._trtc_get_rate(known)
            return not (
                move._trtc_is_same_rate(move.invoice_currency_rate, rate)
                and move._trtc_is_same_rate(move.trtc_rate, rate)
            )

        return self._trtc_filter_rated().filtered(is_unfit)

    def _trtc_note_rate(self, known=None):
        """Keep the rate of the date of this draft."""
        self.ensure_one()
        rate = self._trtc_get_rate(known)
        if not self._trtc_is_same_rate(self.trtc_rate, rate):
            # Nothing follows from it, and nobody changed the document.
            quiet = self.with_context(skip_invoice_sync=True, skip_is_manually_modified=True)
            quiet.write({"trtc_rate": rate})

    # === MISSING RATES === #

    def _trtc_get_missing_rate(self, known=None):
        """Return the currency whose rate this draft lacks, or an empty recordset."""
        self.ensure_one()
        account = self.sudo().trtc_account_id
        if (
            not self.is_invoice()
            # Another currency than that of the account is refused for that.
            or (account and account.currency_id != self.currency_id)
            or self._trtc_has_typed_rate()
            or self._trtc_has_rate_of_original()
        ):
            return self.env["res.currency"]
        known = {} if known is None else known
        day = self._get_invoice_currency_rate_date()
        key = ("missing", self.company_id, self.currency_id, day)
        if key not in known:
            known[key] = self.company_id.sudo()._trtc_get_missing_rate(self.currency_id, day)
        return known[key]

    def _trtc_get_rate_obstacle(self, known=None):
        """Return why this draft cannot be posted for want of a rate, and what to do, or None."""
        missing = self._trtc_get_missing_rate(known)
        company = self.company_id.sudo()
        return company._trtc_show_missing_rate(missing, self.invoice_date) if missing else None

    def _trtc_get_rate_code(self, known=None):
        """Return the same as a code, which is the same in every language, or None."""
        missing = self._trtc_get_missing_rate(known)
        if not missing:
            return None
        day = self.invoice_date and self.invoice_date.isoformat()
        automatic = self.sudo().trtc_account_id.auto_post and "auto"
        return "/".join([HELD, missing.name, day or "", automatic or ""])

    def _trtc_get_held_code(self):
        """Return the code under which this draft is held for want of a rate, or None."""
        code = self.trtc_hold_reason or ""
        return code if code.startswith(HELD) else None

    def _trtc_check_rates(self):
        """Raise if one of these drafts has no rate of exchange."""
        known = {}
        for move in self.filtered(lambda move: move.state == "draft"):
            reason = move._trtc_get_rate_obstacle(known)
            if reason:
                raise UserError(reason)

    def _trtc_hold_without_rate(self, known=None):
        """Say on this draft that its rate is missing, once; or that it is missing no more.

        :return: whether it is missing
        """
        code = self._trtc_get_rate_code(known)
        if code:
            if self._trtc_get_held_code() != code:
                reason = self._trtc_get_rate_obstacle(known)
                self._trtc_hold(self._trtc_get_hold_for_rate(reason), code)
        elif self._trtc_get_held_code():
            self._trtc_release()
        return bool(code)

    def _trtc_get_hold_for_rate(self, reason):
        """Return what this draft says for want of a rate: the same as when posting it fails."""
        if self.trtc_account_id.auto_post:
            return self.env._("Not posted automatically: %(error)s", error=reason)
        return reason
