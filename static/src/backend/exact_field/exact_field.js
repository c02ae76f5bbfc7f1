import { Component } from "@odoo/owl";
import { formatCurrency } from "@web/core/currency";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { formatFloat } from "@web/core/utils/numbers";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/**
 * How exact figures are shown: with all decimals that they have, up to `scale`, and at
 * least `least` of them. The figures themselves keep the digits of their database column.
 */
const KINDS = {
    trtc_quantity: { scale: 9, least: 0, money: false, label: _t("TRTC Quantity") },
    trtc_price: { scale: 12, least: 2, money: true, label: _t("TRTC Unit Price") },
    trtc_amount: { scale: 8, least: 2, money: true, label: _t("TRTC Exact Amount") },
};

/**
 * @param {number|false} value
 * @param {Object} kind one of KINDS
 * @param {number} [currencyId] without it no currency symbol is shown
 * @returns {string}
 */
function formatExact(value, kind, currencyId) {
    if (value === false || value === undefined || value === null) {
        return "";
    }
    // A double holds 15 digits: more of them would show noise instead of decimals.
    const whole = Math.trunc(Math.abs(value)).toString().length;
    const places = Math.max(Math.min(kind.scale, 15 - whole), 0);
    const [, decimals = ""] = value.toFixed(places).replace(/0+$/, "").split(".");
    const options = { digits: [false, Math.max(decimals.length, kind.least)] };
    return kind.money && currencyId
        ? formatCurrency(value, currencyId, options)
        : formatFloat(value, options);
}

export class ExactField extends Component {
    static template = "trtc_billing.ExactField";
    static props = {
        ...standardFieldProps,
        kind: { type: String },
        currencyField: { type: String, optional: true },
    };
    static defaultProps = { currencyField: "currency_id" };

    get formattedValue() {
        const data = this.props.record.data;
        const currency = data[this.props.currencyField];
        return formatExact(data[this.props.name], KINDS[this.props.kind], currency && currency.id);
    }
}

for (const [name, kind] of Object.entries(KINDS)) {
    registry.category("formatters").add(name, (value) => formatExact(value, kind));
    registry.category("fields").add(name, {
        component: ExactField,
        displayName: kind.label,
        supportedTypes: ["float"],
        supportedOptions: [
            {
                label: _t("Currency"),
                name: "currency_field",
                type: "field",
                availableTypes: ["many2one"],
            },
        ],
        isEmpty: (record, fieldName) => record.data[fieldName] === false,
        extractProps: ({ options }) => ({
            kind: name,
            ...(options.currency_field && { currencyField: options.currency_field }),
        }),
    });
}
