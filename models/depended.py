from odoo import api, models, tools
from odoo.exceptions import UserError
from odoo.tools import SQL


class TrtcDepended(models.AbstractModel):
    """A record that others refer to: it is not deleted while they do.

    The database holds it in any case; here somebody is told what uses it, and what to do.
    """

    _name = "trtc.depended"
    _description = "TRTC Record That Others Depend On"

    # === CRUD === #

    @api.ondelete(at_uninstall=False)
    def _unlink_without_users(self):
        # Methods of deletion run in the order of their names: what says more comes first.
        used, user = self.sudo()._trtc_find_user()
        if user:
            raise UserError(used.sudo(False)._trtc_get_use_message(user))

    # === TOOLING === #

    def _trtc_find_user(self):
        """Return one of these records, or what goes with it, and a record that keeps it."""
        for model, name in self._trtc_get_references("restrict"):
            used, user = self._trtc_find_reference(self.env[model], name)
            if user:
                return used, user
        for model, name in self._trtc_get_references("cascade"):
            below = self.env[model].with_context(active_test=False)
            if isinstance(below, self.env.registry["trtc.depended"]):
                below = below.search([(name, "in", self.ids)])
                used, user = below._trtc_find_user() if below else (below, None)
                if user:
                    return used, user
        return self.browse(), None

    def _trtc_find_reference(self, model, name):
        """Return one of these records and a record of a model that refers to it, or none."""
        if not self.ids:
            return self.browse(), model.browse()
        rows = self.env.execute_query(self._trtc_prepare_lookup(model, name))
        used_id, user_id = rows[0] if rows else (False, False)
        return self.browse(used_id), model.browse(user_id)

    def _trtc_prepare_lookup(self, model, name):
        """Return the query for (id of one of these records, id of one that refers to it).

        The next entry of the index is read for each record. A search with a limit might read
        the whole table instead: without a match, where statistics promise many.
        """
        model.flush_model([name])
        column = SQL.identifier("keeping", name)
        others = SQL()
        if model._name == self._name:
            others = SQL("AND keeping.id <> ALL(%s)", self.ids)
        return SQL(
            """
            SELECT used.id, found.id
              FROM unnest(%(ids)s) AS used (id)
             CROSS JOIN LATERAL (
                   SELECT keeping.id, %(column)s AS used_id
                     FROM %(table)s keeping
                    WHERE %(column)s >= used.id %(others)s
                    ORDER BY %(column)s
                    LIMIT 1
                   ) found
             WHERE found.used_id = used.id
             LIMIT 1
            """,
            ids=self.ids,
            column=column,
            table=SQL.identifier(model._table),
            others=others,
        )

    @api.model
    @tools.ormcache("ondelete", cache="stable")
    def _trtc_get_references(self, ondelete):
        """Return [(model, field)] that refer to this model and do something on its deletion.

        Where both ends are Odoo's own, what one keeps of the other is not ours to tell.
        """

        def ours(field, model):
            modules = (self._original_module, model._original_module, field._module)
            return "trtc_billing" in modules

        return tuple(
            (field.model_name, field.name)
            for model in self.env.registry.values()
            if model._auto and not model._abstract
            for field in model._fields.values()
            if field.type == "many2one"
            and field.store
            and not field.company_dependent
            and field.comodel_name == self._name
            and field.ondelete == ondelete
            and (ondelete == "cascade" or ours(field, model))
        )

    def _trtc_get_use_message(self, user):
        """Return why this record stays, and what to do instead.

        :param user: a record that refers to it; its name may be none of the reader's business
        """
        values = {
            "record": self.display_name,
            "user": self.env["ir.model"]._get(user._name).name,
        }
        if "active" in self._fields:
            return self.env._(
                "%(record)s is in use (%(user)s) and cannot be deleted: archive it instead.",
                **values,
            )
        return self.env._(
            "%(record)s is in use (%(user)s) and cannot be deleted: delete or change that first, "
            "or leave it as it is.",
            **values,
        )


# What Odoo's own text says of these is the name of a constraint.


class AccountAccount(models.Model):
    _name = "account.account"
    _inherit = ["account.account", "trtc.depended"]


class AccountJournal(models.Model):
    _name = "account.journal"
    _inherit = ["account.journal", "trtc.depended"]


class AccountPaymentTerm(models.Model):
    _name = "account.payment.term"
    _inherit = ["account.payment.term", "trtc.depended"]


class ProductPricelist(models.Model):
    _name = "product.pricelist"
    _inherit = ["product.pricelist", "trtc.depended"]


class ProductProduct(models.Model):
    _name = "product.product"
    _inherit = ["product.product", "trtc.depended"]


class ProductTemplate(models.Model):
    _name = "product.template"
    _inherit = ["product.template", "trtc.depended"]


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "trtc.depended"]


class ResUsers(models.Model):
    _name = "res.users"
    _inherit = ["res.users", "trtc.depended"]


class UomUom(models.Model):
    _name = "uom.uom"
    _inherit = ["uom.uom", "trtc.depended"]
