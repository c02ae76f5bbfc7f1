"""Whether what a client sends for the links of a record has a form that Odoo can read."""

from odoo import models
from odoo.api import NewId
from odoo.exceptions import UserError
from odoo.fields import Command


def check_links(records, vals_list):
    """Raise if values for links to other records are neither ids nor commands.

    Odoo takes them apart without a look, at any depth, and fails where it happens to.

    :param records: of the model that the values are of
    """
    if records.env.su:
        return
    for vals in vals_list:
        for name, value in vals.items() if isinstance(vals, dict) else ():
            field = records._fields.get(name)
            if field and field.type == "many2one":
                _check_one(records, field, value)
            elif field and field.type in ("one2many", "many2many"):
                _check_many(records, field, value)


def _check_one(records, field, value):
    """Raise unless a value names one record, or none."""
    if value and type(value) is not int and not isinstance(value, (models.BaseModel, NewId)):
        env = records.env
        raise UserError(
            env._(
                "%(model)s, %(field)s: %(value)s is no id of a record. Send a whole number.",
                value=repr(value)[:50],
                **_get_place(records, field),
            )
        )


def _check_many(records, field, value):
    """Raise unless a value is a list of commands or of ids."""
    if not value or isinstance(value, models.BaseModel):
        return
    env = records.env
    for command in value if isinstance(value, (list, tuple)) else [value]:
        if not isinstance(value, (list, tuple)) or not _is_command(command):
            raise UserError(
                env._(
                    "%(model)s, %(field)s: %(command)s is no command. Send a list of commands, for "
                    "instance [[6, 0, [12, 13]]] for the records 12 and 13.",
                    command=repr(command)[:50],
                    **_get_place(records, field),
                )
            )
        if isinstance(command, (list, tuple)) and isinstance(command[-1], dict):
            check_links(env[field.comodel_name], [command[-1]])


def _is_command(command):
    """Tell whether something is a command as Odoo describes them, or the id of a record."""
    if not isinstance(command, (list, tuple)):
        return _is_id(command)
    kind, one, rest = [*command, None, None, None][:3]
    if type(kind) is not int and not isinstance(kind, Command):
        return False
    if kind in (Command.CREATE, Command.UPDATE):
        is_whole = len(command) == 3 and isinstance(rest, dict)
        return is_whole and (kind == Command.CREATE or _is_id(one))
    if kind in (Command.DELETE, Command.UNLINK, Command.LINK):
        return _is_id(one)
    if kind == Command.SET:
        return isinstance(rest, (list, tuple)) and all(map(_is_id, rest))
    return kind == Command.CLEAR


def _is_id(value):
    return isinstance(value, NewId) or (type(value) is int and value > 0)


def _get_place(records, field):
    return {
        "model": records.env["ir.model"]._get(records._name).name or records._name,
        "field": field._description_string(records.env),
    }
