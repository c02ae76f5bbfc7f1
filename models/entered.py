from odoo import api, models
from odoo.exceptions import ValidationError

#: Types whose columns hold a figure where nothing is entered.
FIGURES = ("boolean", "float", "integer", "monetary")


class TrtcEntered(models.AbstractModel):
    """A record that people enter: what is missing is said by the names that they know.

    Forms ask for it before they save.  Here it is said to whoever duplicates a record, imports
    a file, types a new name into a field of another form, or calls from outside.
    """

    _name = "trtc.entered"
    _description = "TRTC Record That People Enter"
    _inherit = ["trtc.depended"]

    # === CRUD === #

    @api.model
    def name_create(self, name):
        if not self._rec_name:
            self.check_access("create")
            # Where a form offers it, this error opens the whole form.
            raise ValidationError(
                self.env._(
                    "A name alone makes no record of %(model)s: open the form and fill it in.",
                    model=self._trtc_get_label(),
                )
            )
        return super().name_create(name)

    def _prepare_create_values(self, vals_list):
        vals_list = super()._prepare_create_values(vals_list)
        for vals in vals_list:
            missing = [name for name in self._trtc_get_required() if self._trtc_lacks(vals, name)]
            if missing:
                raise ValidationError(
                    self.env._(
                        "%(model)s: enter a value for %(fields)s.",
                        model=self._trtc_get_label(),
                        fields=self._trtc_name_fields(missing),
                    )
                )
        return vals_list

    def write(self, vals):
        emptied = [
            name
            for name in self._trtc_get_required()
            if name in vals and self._trtc_lacks(vals, name)
        ]
        if emptied:
            self.check_access("write")
            raise ValidationError(
                self.env._(
                    "%(model)s: %(fields)s cannot be empty. Enter a value.",
                    model=self._trtc_get_label(),
                    fields=self._trtc_name_fields(emptied),
                )
            )
        return super().write(vals)

    # === TOOLING === #

    @api.model
    def _trtc_get_required(self):
        """Return the names of the fields that are never empty."""
        return [name for name, field in self._fields.items() if field.required and field.store]

    @api.model
    def _trtc_lacks(self, vals, name):
        """Tell whether there is no value for a field."""
        value = vals.get(name)
        if self._fields[name].type in FIGURES:
            return value is None
        return not (value.strip() if isinstance(value, str) else value)

    @api.model
    def _trtc_get_label(self):
        """Return what records of this model are called on screen."""
        return self.env["ir.model"]._get(self._name).name

    @api.model
    def _trtc_name_fields(self, names):
        return ", ".join(self._fields[name]._description_string(self.env) for name in names)


class TrtcCatalogue(models.AbstractModel):
    """A record that people copy to change the copy: it gets a name and a code of its own."""

    _name = "trtc.catalogue"
    _description = "TRTC Record of the Catalogue"
    _inherit = ["trtc.entered"]

    # === CRUD === #

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        given = default or {}
        for record, vals in zip(self, vals_list, strict=True):
            if vals is None:
                continue
            if "code" in self._fields and "code" not in given:
                vals["code"] = record._trtc_get_free_code()
            if not self._fields["name"].related and "name" not in given:
                vals["name"] = self.env._("%(name)s (copy)", name=record.name)
        return vals_list

    # === TOOLING === #

    def _trtc_get_free_code(self):
        """Return a code like that of this record which no other one has."""
        records = self.sudo().with_context(active_test=False)
        stem = f"{self.code}_copy"
        taken = set(records.search([("code", "=like", f"{stem}%")]).mapped("code"))
        codes = (f"{stem}{number}" if number else stem for number in range(len(taken) + 2))
        return next(code for code in codes if code not in taken)
