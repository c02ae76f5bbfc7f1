"""What happens around an installation: what an earlier one left is taken over, not doubled.

Products that are on posted entries outlive the module, and with them their units and categories;
contracts outlive it, and with them the pricelists that they are based on. While the module is
away, the names by which its files know these records wait under :data:`WAITING`.
"""

import logging

from odoo.tools import SQL

from .tools import leaving

MODULE = "trtc_billing"
#: Stands for the module in the external ids of what was kept.
WAITING = f"__{MODULE}__"

_logger = logging.getLogger(__name__)


def pre_init_hook(env):
    """Take over what an earlier installation left, before the files of data are read.

    The registry remembers it while the module is installed, see ``_load_records_write``: a key
    of the context could be sent by anybody.
    """
    cr = env.cr
    cr.execute(
        SQL(
            """
            DELETE FROM ir_model_data kept USING ir_model_data own
             WHERE kept.module = %s AND own.module = %s AND own.name = kept.name
            """,
            WAITING,
            MODULE,
        )
    )
    cr.execute(SQL("UPDATE ir_model_data SET module = %s WHERE module = %s", MODULE, WAITING))
    env.registry.clear_cache()
    cr.execute(SQL("SELECT model, res_id FROM ir_model_data WHERE module = %s", MODULE))
    found = set(cr.fetchall())
    left = {(model, res_id) for model, res_id in found if leaving.exists(env, model, res_id)}
    if left:
        _logger.info("%s records of an earlier installation are taken over", len(left))
    env.registry.trtc_left_over = frozenset(left)


def post_init_hook(env):
    """Leave prices deleted that somebody had deleted from a pricelist that is taken over.

    Of two rules for a product the newer one wins: a price that came back would replace the
    user's own.
    """
    left = getattr(env.registry, "trtc_left_over", frozenset())
    env.registry.trtc_left_over = frozenset()
    own = env["ir.model.data"].search(
        [("module", "=", MODULE), ("model", "=", "product.pricelist.item")]
    )
    rules = env["product.pricelist.item"].browse(own.mapped("res_id")).exists()
    rules.filtered(
        lambda rule: ("product.pricelist", rule.pricelist_id.id) in left
        and ("product.product", rule.product_id.id) in left
        and ("product.pricelist.item", rule.id) not in left
    ).unlink()


def uninstall_hook(env):
    """Keep what others depend on, and empty the module's own tables.

    Odoo's loader calls this with the rights of the superuser, right before it deletes the
    module's records: nothing that a client sends gets here, and what guards settled figures
    against everybody else finds nothing left to guard.
    """
    env.flush_all()
    kept = leaving.get_kept(env, MODULE)
    for model, ids in kept.items():
        _logger.info("%s: %s records stay, as others depend on them", model, len(ids))
        leaving.rename(env, MODULE, WAITING, model, ids)
    leaving.empty(env)
    env.invalidate_all()
    env.registry.clear_cache()
