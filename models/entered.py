import math
from datetime import date

from odoo import api, fields, models
from odoo.exceptions import ValidationError

#: Types whose columns hold a figure where nothing is entered.
FIGURES = ("boolean", "float", "integer", "monetary")
#: From here on a figure fits no column, or loses digits.
LIMITS = {"integer": 2**31, "float": 10**15, "monetary": 10**15}
#: The days that can be reckoned with: others have no day before or after.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(9998, 12, 31)


class TrtcEntered(models.AbstractModel):
    """A record that people enter: what is missing or wrong is said by the names that they know.

    Forms ask for it before they save.  Here it is said to whoever duplicates a record, imports
    a file, types a new name into a field of another form, or calls from outside.
    """

    _name = "trtc.entered"
    _description = "TRTC Record That People Enter"
    _inherit = ["trtc.depended", "trtc.derived"]

    # === CRUD === #

    @api.model
    def name_create(self, name):
        if not self._rec_name or self._fields[self._rec_name].type not in ("char", "text"):
            self.check_access("create")
            # Where a form offers it, this error opens the whole form.
            raise ValidationError(
                self.env._(
                    "Enter the other fields of %(model)s too: open the form.",
                    model=self._trtc_get_label(),
                )
            )
        return super().name_create(name)

    def _prepare_create_values(self, vals_list):
        for vals in vals_list:
            # Before anything is worked out from them.
            self._trtc_check_values(vals)
        vals_list = super()._prepare_create_values(vals_list)
        for vals in vals_list:
            self._trtc_check_values(vals)
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

    def onchange(self, values, field_names, fields_spec):
        # What is shown is worked out before anything is saved.
        self._trtc_check_values({name: values.get(name) for name in field_names})
        return super().onchange(values, field_names, fields_spec)

    def write(self, vals):
        self._trtc_check_values(vals)
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
    def _trtc_check_values(self, vals):
        """Raise if a value is none that its field can hold."""
        for name, value in vals.items():
            field = self._fields.get(name)
            problem = field and value and self._trtc_get_problem(field, value)
            if problem:
                raise ValidationError(
                    self.env._(
                        "%(model)s, %(field)s: %(problem)s",
                        model=self._trtc_get_label(),
                        field=field._description_string(self.env),
                        problem=problem,
                    )
                )

    @api.model
    def _trtc_get_problem(self, field, value):
        """Return what is wrong with a value for a field, or nothing."""
        if field.type in LIMITS:
            return self._trtc_get_figure_problem(value, LIMITS[field.type])
        if field.type == "date":
            return self._trtc_get_day_problem(value)
        if field.type == "selection" and value not in field.get_values(self.env):
            return self.env._("%(value)s is none of the choices. Choose one.", value=value)
        link = field.type == "many2one" and isinstance(value, int) and not self.env.su
        if link and not self.env[field.comodel_name].browse(value).exists():
            return self.env._("what was chosen is not there any more. Choose again.")
        return None

    @api.model
    def _trtc_get_figure_problem(self, value, limit):
        try:
            figure = float(value)
        except (TypeError, ValueError):
            return self.env._("%(value)s is no number. Enter one.", value=value)
        if not math.isfinite(figure):
            return self.env._("%(value)s is no number. Enter one.", value=value)
        if abs(figure) >= limit:
            return self.env._("%(value)s is too large. Enter a smaller number.", value=value)
        return None

    @api.model
    def _trtc_get_day_problem(self, value):
        try:
            day = fields.Date.to_date(value)
        except (TypeError, ValueError):
            return self.env._("%(value)s is no day: it is written like 2026-10-31.", value=value)
        if not FIRST_DAY <= day <= LAST_DAY:
            return self.env._(
                "%(value)s is too far away. Enter a day from 1900 to 9998.", value=value
            )
        return None

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
