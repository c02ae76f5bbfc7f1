import { Component } from "@odoo/owl";
import { formatCurrency } from "@web/core/currency";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { formatFloat } from "@web/core/utils/numbers";
import { FloatField, floatField } from "@web/views/fields/float/float_field";
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
 * @param {number} value
 * @param {number} scale the most decimals to show
 * @param {number} least the fewest
 * @returns {number} how many decimals show the value as it is
 */
function countDecimals(value, scale, least) {
    // A double holds 15 digits: more of them would show noise instead of decimals.
    const whole = Math.trunc(Math.abs(value)).toString().length;
    const places = Math.max(Math.min(scale, 15 - whole), 0);
    const [, decimals = ""] = value.toFixed(places).replace(/0+$/, "").split(".");
    return Math.max(decimals.length, least);
}

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
    const options = { digits: [false, countDecimals(value, kind.scale, kind.least)] };
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

/** A quantity that can be edited, without the noise beyond the 15 digits of a double. */
export class QuantityInputField extends FloatField {
    get formattedValue() {
        if (typeof this.value !== "number") {
            return super.formattedValue;
        }
        return formatExact(this.value, KINDS.trtc_quantity);
    }
}

registry.category("fields").add("trtc_quantity_input", {
    ...floatField,
    component: QuantityInputField,
    displayName: _t("TRTC Quantity, to Edit"),
});

/** The unit price of an invoice line, which can be edited, with all its decimals. */
export class InvoicePriceField extends FloatField {
    get formattedValue() {
        if (typeof this.value !== "number") {
            return super.formattedValue;
        }
        const least = this.props.record.fields[this.props.name].min_display_digits || 2;
        const decimals = countDecimals(this.value, KINDS.trtc_price.scale, least);
        return formatFloat(this.value, { digits: [false, decimals] });
    }
}

registry.category("fields").add("trtc_invoice_price", {
    ...floatField,
    component: InvoicePriceField,
    displayName: _t("TRTC Invoice Price"),
});
