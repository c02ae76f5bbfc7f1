"""Builders of the tests of schedules: crons without real commits, and accounts that fail."""

from contextlib import contextmanager
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import UserError

from .common import TrtcCommon


class Killed(BaseException):
    """The server is killed: nothing catches it."""


class ScheduleCase(TrtcCommon):
    """Times are those of Shanghai, UTC+8, unless they carry an offset."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Other tests of the database may have left companies that are billed automatically.
        companies = cls.env["res.company"].search([("id", "!=", cls.env.company.id)])
        companies.write({"trtc_auto_settle": False, "trtc_auto_invoice": False})

    def run_cron(self, name, at, time_left=(), **kwargs):
        """Run a cron method at a moment of Shanghai; return what it told of its progress.

        :param str name: ``settle``, ``invoice`` or ``work``
        :param time_left: what the first commits return, or an exception that they raise
        """
        told, left = [], iter(time_left)

        def commit_progress(_cron, processed=0, *, remaining=None, deactivate=False):
            self.env.flush_all()
            told.append(remaining if remaining is not None else -processed)
            answer = next(left, float("inf"))
            if isinstance(answer, BaseException):
                raise answer
            return answer

        model = "trtc.billing.run" if name == "work" else "trtc.account"
        with (
            freeze_time(at if at[-6] in "+-" else f"{at}+08:00"),
            patch.object(self.registry["ir.cron"], "_commit_progress", commit_progress),
        ):
            records = self.env[model].with_user(self.env.ref("base.user_root"))
            getattr(records, f"_cron_{name}")(**kwargs)
        return told

    @contextmanager
    def failing(self, account, error=None, method="_settle"):
        """Let a method of an account raise."""
        cls = self.registry["trtc.account"]
        original = getattr(cls, method)

        def fail(records, *args):
            if records == account:
                raise error or UserError(records.env._("No income account."))
            return original(records, *args)

        with patch.object(cls, method, fail):
            yield

    @classmethod
    def make_accounts(cls, count, day="2024-10-01", **vals):
        """Return accounts with a minute of usage each."""
        accounts = cls.env["trtc.account"]
        for _n in range(count):
            account = cls.make_account(**vals)
            cls.usage("av_hd", 60_000, day, cls.make_application(account))
            accounts |= account
        return accounts

    def runs(self, **equal):
        equal["company_id"] = self.env.company.id
        return self.env["trtc.billing.run"].search(
            [(name, "=", value) for name, value in equal.items()]
        )
