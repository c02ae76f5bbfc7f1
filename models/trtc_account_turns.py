from odoo import fields, models

#: So many times a server may end while it bills an account, before that account is parked.
MOST = 3


class TrtcAccount(models.Model):
    # A room of its own: a server that is ended in the middle of an account, as by its limits
    # of time and memory, catches no error and writes nothing down.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    auto_attempts = fields.Integer(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="How often the server began with this account, and ended before it was through.",
    )

    # === BUSINESS === #

    def _take_turns(self, turns, remaining):
        """Do some work for each account, in a transaction of its own.

        That it begins is committed together with what was done before, so it is known
        afterwards where a server was ended.

        :param list turns: [(account, function without arguments)]
        :param int remaining: what is to do in all
        :return: whether there was time for all
        """
        if not turns:
            return True
        commit_progress = self.env["ir.cron"]._commit_progress
        following = [account for account, _work in turns] + [self.browse()]
        following[0]._begin_turn()
        commit_progress(remaining=remaining)
        for place, (account, work) in enumerate(turns, start=1):
            work()
            account._end_turn()
            following[place]._begin_turn()
            if not commit_progress(1):
                following[place]._end_turn()
                return place == len(turns)
        return True

    def _begin_turn(self):
        """Count that the server begins with this account."""
        for account in self.sudo():
            if account._lock_for_billing():
                account.auto_attempts += 1

    def _end_turn(self):
        """Forget what was counted: the server is through with this account."""
        for account in self.sudo().filtered("auto_attempts"):
            if account._lock_for_billing():
                account.auto_attempts = 0

    def _get_turn_error(self):
        """Return why this account has no turn any more, if so."""
        if self.sudo().auto_attempts <= MOST:
            return ""
        return self.env._(
            "The server was ended %(times)s times while it billed this account. Its work takes "
            "more time or memory than the server allows: let your administrator raise "
            "limit_time_real_cron or limit_memory_hard, or run Billing / Settle and Invoice for "
            "this account until an earlier day.",
            times=MOST,
        )
