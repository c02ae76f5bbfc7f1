"""What the module makes of a database: its columns, constraints, indexes and records.

Read past Odoo, so that two databases can be compared, or one searched for what was left behind.
"""

from . import layout

#: What is ours by its name, in a table of ours or of core
OURS = r"(^|_)trtc(_|$)"

#: Each query names what is there in words that do not depend on ids or on the order of columns.
QUERIES = {
    "column": """
        SELECT class.relname || '.' || column_.attname,
               format_type(column_.atttypid, column_.atttypmod)
               || CASE WHEN column_.attnotnull THEN ' NOT NULL' ELSE '' END
               || coalesce(' DEFAULT ' || pg_get_expr(value.adbin, value.adrelid), '')
          FROM pg_attribute column_
          JOIN pg_class class ON class.oid = column_.attrelid AND class.relkind IN ('r', 'v', 'm')
     LEFT JOIN pg_attrdef value ON value.adrelid = class.oid AND value.adnum = column_.attnum
         WHERE class.relnamespace = current_schema::regnamespace
           AND column_.attnum > 0 AND NOT column_.attisdropped
           AND (class.relname ~ %(ours)s OR column_.attname ~ %(ours)s)
    """,
    "constraint": """
        SELECT class.relname || ': ' || found.conname, pg_get_constraintdef(found.oid)
          FROM pg_constraint found
          JOIN pg_class class ON class.oid = found.conrelid
         WHERE class.relnamespace = current_schema::regnamespace
           AND (class.relname ~ %(ours)s OR found.conname ~ %(ours)s
                OR pg_get_constraintdef(found.oid) ~ %(ours)s)
    """,
    "index": """
        SELECT tablename || ': ' || indexname, indexdef FROM pg_indexes
         WHERE schemaname = current_schema
           AND (tablename ~ %(ours)s OR indexname ~ %(ours)s OR indexdef ~ %(ours)s)
    """,
    "trigger or function": """
        SELECT proname, prosrc FROM pg_proc
         WHERE pronamespace = current_schema::regnamespace AND proname ~ %(ours)s
         UNION ALL
        SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger
         WHERE NOT tgisinternal AND pg_get_triggerdef(oid) ~ %(ours)s
    """,
    "external id": """
        SELECT name, model || CASE WHEN noupdate THEN ', not updated' ELSE '' END
          FROM ir_model_data WHERE module = %(module)s AND name !~ '^model_|^field_|^selection_'
    """,
    "model": "SELECT model, transient::text FROM ir_model WHERE model ~ '^trtc[.]'",
    "field": """
        SELECT field.model || '.' || field.name,
               concat_ws(', ', field.ttype, field.relation, field.required, field.store,
                         field.index, field.on_delete, field.relation_table)
          FROM ir_model_fields field
         WHERE field.model ~ '^trtc[.]' OR field.name ~ %(ours)s
    """,
    "reflected constraint": """
        SELECT found.name, found.type || ' ' || coalesce(found.definition, '')
          FROM ir_model_constraint found
          JOIN ir_module_module module ON module.id = found.module AND module.name = %(module)s
    """,
    "reflected relation": """
        SELECT found.name, '' FROM ir_model_relation found
          JOIN ir_module_module module ON module.id = found.module AND module.name = %(module)s
    """,
    "scheduled action": """
        SELECT server.code, server.state FROM ir_cron cron
          JOIN ir_act_server server ON server.id = cron.ir_actions_server_id
          JOIN ir_model model ON model.id = server.model_id AND model.model ~ '^trtc[.]'
    """,
    "access right": """
        SELECT access.name, concat_ws(' ', model.model, perm_read, perm_write, perm_create,
                                      perm_unlink, access.active)
          FROM ir_model_access access JOIN ir_model model ON model.id = access.model_id
         WHERE model.model ~ '^trtc[.]'
    """,
    "record rule": """
        SELECT rule.name, model.model || ' ' || coalesce(rule.domain_force, '')
          FROM ir_rule rule JOIN ir_model model ON model.id = rule.model_id
         WHERE model.model ~ '^trtc[.]' OR rule.domain_force ~ %(ours)s
    """,
    # Numbers are ids of actions, among others.
    "view": """
        SELECT coalesce(key, name), md5(regexp_replace(arch_db::text, '[0-9]+', '#', 'g'))
          FROM ir_ui_view
         WHERE model ~ '^trtc[.]' OR arch_db::text ~ 'trtc_'
    """,
    "filter or default": """
        SELECT 'filter ' || name, model_id FROM ir_filters WHERE model_id ~ '^trtc[.]'
         UNION ALL
        SELECT 'default ' || field.name, field.model FROM ir_default value
          JOIN ir_model_fields field ON field.id = value.field_id AND field.model ~ '^trtc[.]'
    """,
    "message or attachment": """
        SELECT DISTINCT 'message', model FROM mail_message WHERE model ~ '^trtc[.]'
         UNION ALL
        SELECT DISTINCT 'attachment', res_model FROM ir_attachment WHERE res_model ~ '^trtc[.]'
         UNION ALL
        SELECT DISTINCT 'activity', res_model FROM mail_activity WHERE res_model ~ '^trtc[.]'
         UNION ALL
        SELECT DISTINCT 'follower', res_model FROM mail_followers WHERE res_model ~ '^trtc[.]'
    """,
}
#: What an updated database and a new one may differ in
OF_USE = {"message or attachment", "filter or default"}


def read(connection, parts=None):
    """Return {part: {name: what it is}} of all that is the module's in a database."""
    found = {}
    with connection.cursor() as cursor:
        for part in parts or QUERIES:
            cursor.execute(QUERIES[part], {"ours": OURS, "module": layout.MODULE})
            rows = found[part] = {}
            for name, what in cursor.fetchall():
                rows.setdefault(name, []).append(what)
    return {
        part: {name: "; ".join(sorted(what)) for name, what in rows.items()}
        for part, rows in found.items()
    }


def differences(found, fresh):
    """Return a sentence for each difference of an updated database from a new one."""
    sentences = []
    for part, expected in fresh.items():
        if part in OF_USE:
            continue
        rows = found[part]
        sentences += [f"{part} {name} is left over" for name in rows if name not in expected]
        sentences += [f"{part} {name} is missing" for name in expected if name not in rows]
        sentences += [
            f"{part} {name} is {what}; in a new database it is {expected[name]}"
            for name, what in rows.items()
            if name in expected and what != expected[name]
        ]
    return sorted(sentences)


def remains(found):
    """Return a sentence for each thing of the module that a database still has."""
    return sorted(f"{part} {name}" for part, rows in found.items() for name in rows)
