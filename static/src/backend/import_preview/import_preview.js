import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** The first rows of a usage file as a table; what is wrong with a row stands below it. */
export class ImportPreviewField extends Component {
    static template = "trtc_billing.ImportPreview";
    static props = { ...standardFieldProps };

    get preview() {
        return this.props.record.data[this.props.name];
    }

    get summary() {
        const { rows, total } = this.preview;
        return rows.length < total
            ? _t("The first %(shown)s of %(total)s rows.", { shown: rows.length, total })
            : _t("All rows of the file: %(total)s.", { total });
    }

    get wrongCount() {
        return this.preview.rows.filter((row) => row.error).length;
    }

    get warning() {
        return _t(
            "Rows shown here that cannot be imported: %(count)s. They come back as a file to correct; the others are imported all the same.",
            { count: this.wrongCount }
        );
    }
}

registry.category("fields").add("trtc_import_preview", {
    component: ImportPreviewField,
    displayName: _t("TRTC Import Preview"),
    supportedTypes: ["json"],
});
