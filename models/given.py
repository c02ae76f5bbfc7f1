from collections import defaultdict
from contextlib import contextmanager

from psycopg2 import DataError

from odoo import api, models
from odoo.api import NewId
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command

from .commands import check_links
from .markers import without_defaults

#: What Odoo and Python say of values that make no sense to them.
SENSELESS = (ArithmeticError, AssertionError, NotImplementedError, TypeError, ValueError)


class TrtcGiven(models.AbstractModel):
    """A record whose links are checked first: nobody names what he may not see.

    Dialogs and computed fields look at what they are given with the rights of the
    superuser, to show what follows from it.  So access is checked where something is given:
    on creation and change, by a form that is not saved yet, and as a default value.
    """

    _name = "trtc.given"
    _description = "TRTC Record That Names Only What Its User May See"

    # === CRUD === #

    @api.model
    def default_get(self, fields_list):
        if self.env.su:
            # What is made with more rights than the caller has takes nothing of his context;
            # on a model of Odoo itself, other addons may rely on it.
            ours = self._original_module == "trtc_billing"
            self = self.with_env(without_defaults(self.env, "" if ours else "trtc_"))
        names = [name for name in fields_list if f"default_{name}" in self.env.context]
        try:
            values = super().default_get(fields_list)
        except (AttributeError, LookupError, *SENSELESS) as error:
            if self.env.su or not names:
                raise
            raise UserError(
                self.env._(
                    "%(model)s: a default value cannot be read. Check %(names)s of the context.",
                    model=self.env["ir.model"]._get(self._name).name or self._name,
                    names=", ".join(f"default_{name}" for name in names),
                )
            ) from error
        check_links(self, [values])
        self._check_given([values])
        return values

    @api.model_create_multi
    def create(self, vals_list):
        check_links(self, vals_list)
        self._check_given(vals_list)
        return super().create(vals_list)

    def write(self, vals):
        check_links(self, [vals])
        self._check_given([vals])
        return super().write(vals)

    def onchange(self, values, field_names, fields_spec):
        self._check_given([values])
        return super().onchange(values, field_names, fields_spec)

    # === SEARCH === #

    @api.model
    def _search(self, domain, offset=0, limit=None, order=None, **kwargs):
        self._check_window(offset, limit)
        with self._answering(domain):
            return super()._search(domain, offset, limit, order, **kwargs)

    @api.model
    def _read_group(
        self, domain, groupby=(), aggregates=(), having=(), offset=0, limit=None, order=None
    ):
        self._check_window(offset, limit)
        with self._answering(domain):
            return super()._read_group(domain, groupby, aggregates, having, offset, limit, order)

    @api.model
    @api.private
    @api.readonly
    def search_fetch(self, domain, *args, **kwargs):
        # The database is asked here, and may not take what the domain says.
        with self._answering(domain):
            return super().search_fetch(domain, *args, **kwargs)

    @api.model
    @api.readonly
    def search_count(self, domain, *args, **kwargs):
        with self._answering(domain):
            return super().search_count(domain, *args, **kwargs)

    @contextmanager
    def _answering(self, domain):
        """Say in a sentence that a search of a client makes no sense, instead of a traceback.

        Code with the rights of the superuser asks nothing of that kind: what goes wrong there
        is a fault to be seen.
        """
        try:
            yield
        except (DataError, *SENSELESS) as error:
            if self.env.su:
                raise
            model = self._description
            if not isinstance(error, DataError):
                # The database answers no more questions once it has refused one.
                model = self.env["ir.model"]._get(self._name).name or model
            raise UserError(
                self.env._(
                    "%(model)s cannot be searched, sorted or grouped like this: %(domain)s. Check "
                    "the fields, which have to be stored or searchable, the operators and the "
                    "values.",
                    model=model,
                    domain=repr(domain)[:200],
                )
            ) from error

    @api.model
    def _check_window(self, offset, limit):
        """Raise unless it is said in whole numbers which part of what is found is wanted."""
        for name, value in (("offset", offset), ("limit", limit)):
            if value and not self.env.su and not (type(value) is int and 0 < value < 2**63):
                raise UserError(
                    self.env._(
                        "%(name)s: %(value)s is no number of records. Send a whole number, zero "
                        "or more.",
                        name=name,
                        value=repr(value)[:50],
                    )
                )

    # === ACCESS === #

    def check_access(self, operation):
        check_ids(self)
        return super().check_access(operation)

    def _fetch_field(self, field):
        # Methods look at fields before anybody asks for the rights to a record.
        check_ids(self)
        return super()._fetch_field(field)

    # === TOOLING === #

    @api.model
    def _check_given(self, vals_list):
        """Raise if values name a record that the user may not see, or that does not exist."""
        check_given(self, vals_list)

    def _check_one(self):
        """Raise unless this is one record that the user may see; a dialog, with what it names."""
        check_one(self)
        if self._transient:
            names = [
                name
                for name, field in self._fields.items()
                if field.store and field.type in ("many2one", "many2many")
            ]
            self._check_given([{name: self[name] for name in names}])

    @api.model
    def _get_active(self, model):
        """Return the records that were chosen in a list, if they are of a model."""
        context = self.env.context
        if context.get("active_model") != model:
            return self.env[model]
        ids = _get_ids(context.get("active_ids"))
        _check_readable(self.env, {model: ids})
        return self.env[model].browse(sorted(ids))


def check_one(records):
    """Raise unless there is one record, which the user may see."""
    env = records.env
    if len(records) != 1:
        raise UserError(
            env._("Choose one record: this was asked of %(count)s.", count=len(records))
        )
    check_ids(records)
    if not env.su:
        if records.id and not records.exists():
            raise UserError(env._("This record does not exist any more."))
        records.check_access("read")


def check_ids(records):
    """Raise if records are named by what is no id; those that are not saved yet have none."""
    if records.env.su:
        return
    for one in records._ids:
        if one and type(one) is not int and not isinstance(one, NewId):
            raise UserError(
                records.env._(
                    "%(value)s is no id of a record. Send whole numbers.", value=repr(one)[:50]
                )
            )


def check_given(records, vals_list, prefix=""):
    """Raise if values name a record that the user may not see, or that does not exist.

    :param records: of the model that the values are of
    :param str prefix: look at fields only whose names begin so, also within commands
    """
    if records.env.su:
        return
    given = defaultdict(set)
    for vals in vals_list:
        if isinstance(vals, dict):
            _collect(records, vals, given, prefix)
    _check_readable(records.env, given)


def _collect(records, vals, given, prefix):
    """Add to {model: ids} which records some values name, also within commands."""
    for name, value in vals.items():
        field = records._fields.get(name)
        if not field or not field.relational:
            continue
        is_looked_at = str(name).startswith(prefix)
        if field.type == "many2one" or not isinstance(value, (list, tuple)):
            if is_looked_at:
                given[field.comodel_name] |= _get_ids(value)
            continue
        for command in value:
            if isinstance(command, (list, tuple)):
                kind, one, rest = [*command, None, None, None][:3]
            else:
                kind, one, rest = Command.LINK, command, None
            if is_looked_at and kind not in (Command.CREATE, Command.CLEAR):
                given[field.comodel_name] |= _get_ids(rest if kind == Command.SET else one)
            if isinstance(rest, dict):
                _collect(records.env[field.comodel_name], rest, given, prefix)


def _get_ids(value):
    """Return the ids of records that a value names, whatever its form."""
    if isinstance(value, models.BaseModel):
        return set(value._origin.ids)
    if isinstance(value, dict):
        value = value.get("id")
    values = value if isinstance(value, (list, tuple, set)) else [value]
    # Nothing is named by zero.
    return {one for one in values if type(one) is int and one}


def _check_readable(env, given):
    """Raise unless the user may see records, in whichever of the user's companies."""
    companies = env.user.company_ids.ids
    for model, ids in given.items():
        if not ids:
            continue
        records = env[model].with_context(allowed_company_ids=companies).browse(sorted(ids))
        seen = records.filtered(lambda record: 0 < record.id < 2**31).exists()
        missing = set(ids) - set(seen._filtered_access("read").ids)
        if missing:
            # Nothing of it is said, not even whether there is one.
            raise AccessError(
                env._(
                    "%(model)s %(id)s: there is no such record, or you have no access to it. "
                    "Choose another one.",
                    model=env["ir.model"]._get(model).name or model,
                    id=min(missing),
                )
            )
