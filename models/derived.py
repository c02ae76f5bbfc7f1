from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.models import MAGIC_COLUMNS


class TrtcDerived(models.AbstractModel):
    """A record of which people enter some fields, and others follow from what is there.

    That a field is read-only or computed says so to forms alone: a client may send what it
    likes.  Here its values are refused from whoever has not the rights of the superuser,
    however they come: by creation, change, a file, a command of another record, a default.
    """

    _name = "trtc.derived"
    _description = "TRTC Record With Fields That Follow From Others"

    # === CRUD === #

    @api.model
    def default_get(self, fields_list):
        """Take no default from outside for what follows from other data.

        Defaults of the context, and those that a user keeps for himself, come in by the same
        door as what is entered.
        """
        derived = [name for name in fields_list if self._trtc_is_derived(name)]
        if self.env.su or not derived:
            return super().default_get(fields_list)
        values = super().default_get([name for name in fields_list if name not in derived])
        for name in derived:
            field = self._fields[name]
            if field.default:
                cached = field.convert_to_cache(field.default(self), self, validate=False)
                values[name] = field.convert_to_write(cached, self)
        return values

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            # What core fills in comes later.
            for vals in vals_list:
                self._trtc_check_derived(vals)
        return super().create(vals_list)

    def write(self, vals):
        if self and not self.env.su:
            self._trtc_check_derived(vals)
        return super().write(vals)

    def copy_data(self, default=None):
        """Copy what was entered; the rest follows anew."""
        given = default or {}
        return [
            vals
            and {
                name: value
                for name, value in vals.items()
                if name in given or not self._trtc_is_derived(name)
            }
            for vals in super().copy_data(default)
        ]

    # === TOOLING === #

    @api.model
    def _trtc_get_enterable_fields(self):
        """Return the names of fields that a client may send though no form lets people enter them.

        Each of them has a check of its own.
        """
        return set()

    @api.model
    def _trtc_is_derived(self, name):
        """Tell whether a stored field of this module follows from other data.

        Dialogs are left out: their forms send back what they show, and each action looks at
        the records again before it does something.
        """
        field = self._fields.get(name)
        return bool(
            field
            and field.store
            # So are fields that are computed or related, unless they say otherwise.
            and field.readonly
            and "trtc_billing" in field._modules
            and not self._transient
            and name not in MAGIC_COLUMNS
            and name not in self._trtc_get_enterable_fields()
        )

    def _trtc_check_derived(self, vals):
        """Raise if values say what follows from other data, unless it is so already.

        Called on no record, these are the values of a new one.
        """
        for name, value in vals.items():
            if not self._trtc_is_derived(name):
                continue
            field = self._fields[name]
            self.check_access("write" if self else "create")
            # To whom a field is hidden, core says so.
            if self._has_field_access(field, "write") and not self._trtc_holds(field, value):
                raise ValidationError(
                    self.env._(
                        "%(model)s: %(field)s follows from other data and is not entered. Leave "
                        "it out.",
                        model=self.env["ir.model"]._get(self._name).name,
                        field=field._description_string(self.env),
                    )
                )

    def _trtc_holds(self, field, value):
        """Tell whether a value is the one that a field of these records has, or gets, anyway."""
        if field.type in ("one2many", "many2many"):
            # Commands change records: they are not tried out.
            return value in (False, None, [], ())
        if self:
            known = [record[field.name] for record in self]
        elif field.compute:
            # A value that is given, even an empty one, keeps it from being computed.
            return False
        else:
            known = [field.default(self) if field.default else False]
        try:
            return all(
                field.convert_to_cache(value, self[:1], validate=False)
                == field.convert_to_cache(one, self[:1], validate=False)
                for one in known
            )
        except (TypeError, ValueError, OverflowError):
            return False
