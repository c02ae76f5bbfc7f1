"""What stays of the module's records when it is uninstalled, and how its tables are emptied."""

from odoo.tools import SQL
from odoo.tools.sql import table_exists

#: Tables of core that hold what the module has shipped, and what depends on it
TEMPLATES, PRODUCTS = "product_template", "product_product"
LISTS, RULES = "product_pricelist", "product_pricelist_item"
CATEGORIES, UNITS = "product_category", "uom_uom"


def exists(env, model, res_id):
    """Tell whether a record is there, also while its model is not loaded."""
    table = env[model]._table if model in env else model.replace(".", "_")
    if not res_id or not table_exists(env.cr, table):
        return False
    query = SQL("SELECT 1 FROM %s WHERE id = %s", SQL.identifier(table), res_id)
    return bool(env.execute_query(query))


def rename(env, old, new, model, ids):
    """Give the external ids of some records to another module."""
    env.cr.execute(
        SQL(
            """
            DELETE FROM ir_model_data stale USING ir_model_data own
             WHERE stale.module = %(new)s AND own.module = %(old)s AND own.name = stale.name
               AND own.model = %(model)s AND own.res_id = ANY(%(ids)s)
            """,
            new=new, old=old, model=model, ids=list(ids),
        )
    )  # fmt: skip
    env.cr.execute(
        SQL(
            """
            UPDATE ir_model_data SET module = %(new)s, noupdate = TRUE
             WHERE module = %(old)s AND model = %(model)s AND res_id = ANY(%(ids)s)
            """,
            new=new, old=old, model=model, ids=list(ids),
        )
    )  # fmt: skip


# === WHAT STAYS === #


def get_kept(env, module):
    """Return {model: ids} of what the module has shipped and others depend on.

    Products on entries, in the prices of contracts or anywhere else; their units and
    categories; pricelists that contracts are based on, that customers have or that hold prices
    of the company's own, with all their prices.
    """
    shipped = _get_shipped(env, module)
    lists = _find_used(env, LISTS, shipped(LISTS), skip={(RULES, "pricelist_id")})
    lists |= _find_properties(env, "product.pricelist", shipped(LISTS))
    lists |= _find_own_prices(env, shipped(LISTS), shipped(RULES))
    rules = _select(
        env, SQL("SELECT id FROM product_pricelist_item WHERE pricelist_id = ANY(%s)", [*lists])
    ) & shipped(RULES)
    products = _find_used(env, PRODUCTS, shipped(PRODUCTS))
    templates = _find_used(env, TEMPLATES, shipped(TEMPLATES), skip={(PRODUCTS, "product_tmpl_id")})
    products |= _find_priced(env, "product_id", shipped(PRODUCTS), shipped(RULES) - rules)
    templates |= _find_priced(env, "product_tmpl_id", shipped(TEMPLATES), shipped(RULES) - rules)
    products |= _select(
        env, SQL("SELECT id FROM product_product WHERE product_tmpl_id = ANY(%s)", [*templates])
    ) & shipped(PRODUCTS)
    templates |= _select(
        env, SQL("SELECT product_tmpl_id FROM product_product WHERE id = ANY(%s)", [*products])
    ) & shipped(TEMPLATES)
    leaving = shipped(TEMPLATES) - templates
    categories = _with_parents(
        env, CATEGORIES, "parent_id",
        _find_used(env, CATEGORIES, shipped(CATEGORIES), {(TEMPLATES, "categ_id"): leaving}),
    ) & shipped(CATEGORIES)  # fmt: skip
    units = _with_parents(
        env, UNITS, "relative_uom_id",
        _find_used(env, UNITS, shipped(UNITS), {(TEMPLATES, "uom_id"): leaving}),
    ) & shipped(UNITS)  # fmt: skip
    return {
        "product.pricelist": lists,
        "product.pricelist.item": rules,
        "product.product": products,
        "product.template": templates,
        "product.category": categories,
        "uom.uom": units,
    }


def _get_shipped(env, module):
    """Return a function that gives the ids that the module has shipped into a table."""
    env.cr.execute(SQL("SELECT model, res_id FROM ir_model_data WHERE module = %s", module))
    found = {}
    for model, res_id in env.cr.fetchall():
        found.setdefault(model.replace(".", "_"), set()).add(res_id)
    return lambda table: found.get(table, set())


def _find_used(env, table, ids, leaving=None, skip=()):
    """Return those of some ids that rows refer to which are not the module's own.

    What is deleted along with a record, such as its taxes, does not count.

    :param leaving: {(table, column): ids of rows that are deleted as well}
    :param skip: (table, column) that does not count
    """
    leaving = leaving or {}
    used = set()
    for child, column, action in _get_references(env, table):
        if action == "c" or _is_ours(child) or (child, column) in skip:
            continue
        gone = leaving.get((child, column))
        name = SQL.identifier(column)
        query = SQL("SELECT DISTINCT %s FROM %s WHERE %s = ANY(%s)", name, SQL.identifier(child),
                    name, [*ids])  # fmt: skip
        if gone:
            query = SQL("%s AND id <> ALL(%s)", query, [*gone])
        used |= _select(env, query)
    return used


def _find_own_prices(env, lists, rules):
    """Return those of some pricelists that hold other rules than those given."""
    query = SQL(
        "SELECT pricelist_id FROM product_pricelist_item"
        " WHERE pricelist_id = ANY(%s) AND id <> ALL(%s)",
        [*lists], [*rules],
    )  # fmt: skip
    return _select(env, query)


def _find_priced(env, column, ids, own):
    """Return those of some products that have a price besides the ones that go."""
    name = SQL.identifier(column)
    query = SQL(
        "SELECT DISTINCT %s FROM product_pricelist_item WHERE %s = ANY(%s) AND id <> ALL(%s)",
        name, name, [*ids], [*own],
    )  # fmt: skip
    return _select(env, query)


def _find_properties(env, model, ids):
    """Return those of some ids that are somebody's choice in one of the companies."""
    used = set()
    for field in env.registry.many2one_company_dependents[model]:
        table, column = env[field.model_name]._table, SQL.identifier(field.name)
        if _is_ours(table):
            continue
        query = SQL(
            "SELECT DISTINCT value::int FROM %s, jsonb_each_text(%s) WHERE value ~ '^[0-9]+$'",
            SQL.identifier(table), column,
        )  # fmt: skip
        used |= _select(env, query) & ids
    return used


def _with_parents(env, table, column, ids):
    """Return ids with those of all that they stand below."""
    found, new = set(ids), set(ids)
    while new:
        name = SQL.identifier(column)
        query = SQL("SELECT %s FROM %s WHERE id = ANY(%s) AND %s IS NOT NULL", name,
                    SQL.identifier(table), [*new], name)  # fmt: skip
        new = _select(env, query) - found
        found |= new
    return found


# === WHAT GOES === #


def empty(env):
    """Delete all rows of the module's own tables, and what core's tables say of them.

    Foreign keys of core's tables go first: emptying a table that others refer to would empty
    those too. Their columns are emptied, as the ORM still reads them; Odoo drops them.
    """
    tables = _get_tables(env)
    for table in tables:
        for child, column, _action in _get_references(env, table):
            if child not in tables:
                _forget(env, child, column)
    if tables:
        names = SQL(", ").join(map(SQL.identifier, sorted(tables)))
        env.cr.execute(SQL("TRUNCATE %s", names))
    _forget_reflections(env)
    for table, column in (("ir_filters", "model_id"), ("ir_exports", "resource")):
        if table_exists(env.cr, table):
            names = SQL.identifier(table), SQL.identifier(column)
            env.cr.execute(SQL("DELETE FROM %s WHERE %s LIKE 'trtc.%%'", *names))


def _forget_reflections(env):
    """Delete what Odoo keeps of foreign keys in core's tables: it has no external id.

    Their columns are dropped, and the keys with them.
    """
    env.cr.execute(
        SQL(
            """
            DELETE FROM ir_model_constraint found USING ir_module_module module
             WHERE module.id = found.module AND module.name = 'trtc_billing' AND found.type = 'f'
               AND NOT EXISTS (SELECT 1 FROM ir_model_data
                                WHERE model = 'ir.model.constraint' AND res_id = found.id)
            """
        )
    )


def _forget(env, table, column):
    """Let a column of core's refer to nothing any more."""
    rows = env.execute_query(
        SQL(
            """
            SELECT found.conname, column_.attnotnull
              FROM pg_constraint found
              JOIN pg_attribute column_ ON column_.attrelid = found.conrelid
                                       AND column_.attnum = found.conkey[1]
             WHERE found.contype = 'f' AND found.conrelid = %s::regclass AND column_.attname = %s
            """,
            table,
            column,
        )
    )
    names = {"table": SQL.identifier(table), "column": SQL.identifier(column)}
    for constraint, required in rows:
        drop = SQL("ALTER TABLE %(table)s DROP CONSTRAINT %(name)s", **names,
                   name=SQL.identifier(constraint))  # fmt: skip
        env.cr.execute(drop)
        if required:
            query = SQL("DELETE FROM %(table)s", **names)
        else:
            query = SQL(
                "UPDATE %(table)s SET %(column)s = NULL WHERE %(column)s IS NOT NULL", **names
            )
        env.cr.execute(query)


# === TOOLING === #


def _select(env, query):
    return {number for (number,) in env.execute_query(query) if number}


def _get_tables(env):
    """Return the tables that are the module's alone, those between two models among them."""
    rows = env.execute_query(
        SQL(
            r"""
            SELECT relname FROM pg_class
             WHERE relkind = 'r' AND relnamespace = current_schema::regnamespace
               AND relname LIKE 'trtc\_%%'
            """
        )
    )
    return {table for (table,) in rows}


def _is_ours(table):
    return table.startswith("trtc_")


def _get_references(env, table):
    """Return (table, column, what happens on deletion) of all that refers to a table."""
    return env.execute_query(
        SQL(
            """
            SELECT child.relname, column_.attname, found.confdeltype
              FROM pg_constraint found
              JOIN pg_class child ON child.oid = found.conrelid
              JOIN pg_attribute column_ ON column_.attrelid = found.conrelid
                                       AND column_.attnum = found.conkey[1]
             WHERE found.contype = 'f' AND found.confrelid = %s::regclass
            """,
            table,
        )
    )
