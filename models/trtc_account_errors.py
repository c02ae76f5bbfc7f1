from psycopg2 import IntegrityError

from odoo import models
from odoo.exceptions import UserError


class TrtcAccount(models.Model):
    # A room of its own: what fails for one account stops no other.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _attempt(self, errors, work):
        """Return what some work for this account gives; if it fails, undo it and keep why.

        :param list errors: the error is added to it; nothing is returned then
        :param work: a function without arguments
        """
        try:
            # What is written when the savepoint ends is part of the attempt.
            with self.env.cr.savepoint():
                return work()
        except UserError as error:
            errors.append(self._keep_billing_error(error))
        except IntegrityError as error:
            errors.append(self._keep_billing_error(self._get_broken_rule(error)))
        return None

    def _keep_billing_error(self, error):
        """Write on the account why it could not be billed; return the error."""
        self.message_post(body=self.env._("Not billed: %(error)s", error=str(error)))
        return error

    def _get_broken_rule(self, error):
        """Return what a user is told of a rule of the database that a run would break."""
        table = error.diag.table_name
        names = [name for name, model in self.env.registry.items() if model._table == table]
        return UserError(
            self.env._(
                "A rule of the books would be broken, so nothing was changed: %(rule)s Tell your "
                "administrator.",
                rule=self.env[names[0] if names else self._name]._sql_error_to_message(error),
            )
        )
