from odoo import fields, models

#: So many times in a row a server may end while it bills an account, before that is parked.
MOST = 3


class TrtcAccount(models.Model):
    # A room of its own: a server that is ended in the middle of an account, as by its limits
    # of time, catches no error and writes nothing down.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    settle_attempts = fields.Integer(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="How often the server began to settle this account, and ended before it was through.",
    )
    invoice_attempts = fields.Integer(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="How often the server began to invoice this account, and ended before it was through.",
    )

    # === BUSINESS === #

    def _take_turns(self, turns, remaining):
        """Do some work for each account, in a transaction of its own.

        That it begins is committed together with what was done before, so it is known
        afterwards where a server was ended.

        :param list turns: [(account, step, function without arguments)], the steps as in
            ``parked_step``
        :param int remaining: what is to do in all
        :return: whether there was time for all
        """
        if not turns:
            return True
        commit_progress = self.env["ir.cron"]._commit_progress
        following = [(account, step) for account, step, _work in turns] + [(self.browse(), "")]
        self._count_turn(*following[0], 1)
        commit_progress(remaining=remaining)
        for place, (account, step, work) in enumerate(turns, start=1):
            work()
            account._end_turn(step)
            self._count_turn(*following[place], 1)
            if not commit_progress(1):
                self._count_turn(*following[place], -1)
                return place == len(turns)
        return True

    def _count_turn(self, account, step, way):
        """Count that the server begins with an account, or did not begin after all."""
        for one in account.sudo():
            if one._lock_for_billing():
                one[f"{step}_attempts"] += way

    def _end_turn(self, step):
        """Forget what was counted: the server is through with a step of this account.

        Invoicing settles before; what settling alone can do says nothing of invoicing.
        """
        names = ["settle_attempts", *(["invoice_attempts"] if step == "invoice" else [])]
        account = self.sudo()
        if any(account[name] for name in names) and account._lock_for_billing():
            account.write(dict.fromkeys(names, 0))

    def _was_cut_off(self, step):
        """Tell whether a server was ended during a step of this account, or what it includes."""
        account = self.sudo()
        return bool(account.settle_attempts or (step == "invoice" and account.invoice_attempts))

    def _get_turn_error(self, step):
        """Return why this account has no turn any more, if so."""
        if self.sudo()[f"{step}_attempts"] <= MOST:
            return ""
        return self.env._(
            "The server was ended %(times)s times in a row while it billed this account. Probably "
            "that takes more time than the server allows: let your administrator raise "
            "limit_time_cpu, limit_time_real and limit_time_real_cron, or run Billing / Settle "
            "and Invoice for this account until an earlier day.",
            times=MOST,
        )
