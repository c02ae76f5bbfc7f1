import { inputFiles } from "@web/../tests/utils";
import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

// A new customer, from an empty database to a posted invoice: each role its part.

const { DateTime } = luxon;
// In billing time, as the server counts
const lastMonth = DateTime.now().setZone("Asia/Shanghai").minus({ months: 1 });

const openMenu = (section, entry) => [
    stepUtils.showAppsMenuItem(),
    {
        content: "Open the app",
        trigger: ".o_app[data-menu-xmlid='trtc_billing.trtc_menu_root']",
        run: "click",
    },
    {
        content: `Open the menu ${section}`,
        trigger: `button[data-menu-xmlid='trtc_billing.${section}']`,
        run: "click",
    },
    {
        content: `Choose ${entry}`,
        trigger: `.dropdown-item[data-menu-xmlid='trtc_billing.${entry}']`,
        run: "click",
    },
];

const write = (where, name, value) => ({
    content: `Write ${value} into ${name}`,
    trigger: `${where} .o_field_widget[name='${name}'] input`,
    run: `edit ${value}`,
});

const choose = (where, name, value, text = value) => [
    write(where, name, value),
    {
        content: `Choose ${text}`,
        trigger: `.ui-autocomplete .ui-menu-item a:contains('${text}')`,
        run: "click",
    },
];

// Dates fields are buttons until somebody clicks them
const pickDate = (where, name, day) => [
    {
        content: `Open ${name}`,
        trigger: `${where} .o_field_widget[name='${name}'] button, ${where} .o_field_widget[name='${name}'] input`,
        run: "click",
    },
    {
        content: `Write the day into ${name}`,
        trigger: `${where} .o_field_widget[name='${name}'] input`,
        run: `edit ${day.toFormat("MM/dd/yyyy")} && press Tab`,
    },
];

const save = () => [
    {
        content: "Save",
        trigger: ".o_form_button_save:enabled",
        run: "click",
    },
    {
        content: "It is saved",
        trigger: ".o_form_saved, .o_form_view:not(:has(.o_form_dirty)) .o_form_status_indicator_buttons.invisible",
    },
];

const addRule = () => ({
    content: "Add a rule",
    trigger:
        "body:not(:has(.modal)) .o_field_widget[name='item_ids'] .o_field_x2many_list_row_add a",
    run: "click",
});

const saveDialog = () => ({
    content: "Save the dialog",
    trigger: ".modal .o_form_button_save",
    run: "click",
});

const create = () => ({
    content: "New",
    trigger: ".o_control_panel .o_list_button_add:enabled",
    run: "click",
});

const sheet = ".o_form_view";
const dialog = ".modal";

// The manager: settings, contract, customer, account, application, edition
registry.category("web_tour.tours").add("trtc_first_customer_manager", {
    url: "/odoo",
    steps: () => [
        ...openMenu("trtc_menu_configuration", "trtc_menu_billing_tz"),
        write(dialog, "grace_days", "0"),
        {
            content: "Save the settings",
            trigger: ".modal .btn-primary",
            run: "click",
        },
        {
            content: "The settings are closed",
            trigger: "body:not(:has(.modal))",
        },
        ...openMenu("trtc_menu_configuration", "trtc_menu_pricelist"),
        create(),
        {
            content: "Name the contract",
            trigger: ".o_form_view .o_field_widget[name='name'] input",
            run: "edit Contract of First Customer",
        },
        addRule(),
        ...choose(dialog, "product_tmpl_id", "Audio/video duration - HD"),
        write(dialog, "fixed_price", "0.0035"),
        saveDialog(),
        addRule(),
        ...choose(dialog, "product_tmpl_id", "Lite"),
        write(dialog, "fixed_price", "9.9"),
        saveDialog(),
        addRule(),
        {
            content: "Everything else",
            trigger: ".modal .o_field_widget[name='compute_price'] input[data-value='formula']",
            run: "click",
        },
        {
            content: "Open what it is based on",
            trigger: ".modal .o_field_widget[name='base'] input",
            run: "click",
        },
        {
            content: "Another pricelist",
            trigger: ".o_select_menu_item:contains('Pricelist')",
            run: "click",
        },
        ...choose(dialog, "base_pricelist_id", "TRTC International"),
        saveDialog(),
        ...save(),
        ...openMenu("trtc_menu_customers", "trtc_menu_account"),
        create(),
        write(sheet, "name", "First Account"),
        write(sheet, "uin", "100012345678"),
        {
            content: "Name a customer that is not known yet",
            trigger: ".o_form_view .o_field_widget[name='partner_id'] input",
            run: "edit First Customer",
        },
        {
            content: "Create the customer",
            trigger: ".ui-autocomplete .o_m2o_dropdown_option_create_edit a",
            run: "click",
        },
        {
            content: "Its e-mail address",
            trigger: ".modal .o_field_widget[name='email'] input",
            run: "edit first@example.com",
        },
        saveDialog(),
        {
            content: "The customer is chosen",
            trigger:
                "body:not(:has(.modal)) .o_field_widget[name='partner_id'] input:value('First Customer')",
        },
        ...choose(sheet, "pricelist_id", "Contract of First"),
        {
            content: "No free minutes",
            trigger: ".o_form_view .o_field_widget[name='free_policy_id'] input",
            run: "clear",
        },
        ...save(),
        ...openMenu("trtc_menu_customers", "trtc_menu_application"),
        create(),
        {
            content: "Name of the application",
            trigger: ".o_form_view .o_field_widget[name='name'] input",
            run: "edit First Application",
        },
        write(sheet, "sdkappid", "1400000123"),
        ...choose(sheet, "account_id", "First Account"),
        ...save(),
        {
            content: "Buy an edition",
            trigger: ".o_statusbar_buttons button:contains('Buy Edition')",
            run: "click",
        },
        ...choose(dialog, "edition_id", "Lite"),
        ...pickDate(dialog, "date_start", lastMonth.startOf("month")),
        {
            content: "The price of the contract is shown",
            trigger: ".modal .o_field_widget[name='price']:contains('9.90'), .modal .o_field_widget[name='price'] input:value('9.90')",
        },
        {
            content: "Buy",
            trigger: ".modal button[name='action_subscribe']:contains('Buy')",
            run: "click",
        },
        {
            content: "The subscription runs, and its first term is billed",
            trigger:
                "body:not(:has(.modal)) .o_form_view .o_field_widget[name='fee_ids'] .o_data_row:contains('9.90')",
        },
    ],
});

// The operator: a file of usage
registry.category("web_tour.tours").add("trtc_first_customer_operator", {
    url: "/odoo",
    steps: () => [
        ...openMenu("trtc_menu_usage", "trtc_menu_usage_import"),
        create(),
        {
            content: "Choose a file",
            trigger: ".o_form_view .o_field_widget[name='file'] input[type='file']:not(:visible)",
            async run() {
                const day = lastMonth.startOf("month").plus({ days: 4 }).toISODate();
                const rows = [
                    "id,sdkappid,item,quantity,start",
                    `call-1,1400000123,av_hd,600000,${day}`,
                    `shots-1,1400000123,screenshot_terminal,22000,${day}`,
                    `broken-1,1400000123,av_hd,-5,${day}`,
                ];
                const file = new File([rows.join("\n")], "first-usage.csv", { type: "text/csv" });
                await inputFiles(".o_field_widget[name='file'] input[type='file']", [file]);
            },
        },
        {
            content: "The preview names the bad row",
            trigger: ".o_form_view .o_field_widget[name='preview']:contains('cannot be negative')",
        },
        {
            content: "Import",
            trigger: ".o_statusbar_buttons button[name='action_import']",
            run: "click",
        },
        {
            content: "Two rows are accepted",
            trigger: ".o_form_view .o_field_widget[name='accepted_count']:contains('2')",
        },
        {
            content: "One is rejected",
            trigger: ".o_form_view .o_field_widget[name='rejected_count']:contains('1')",
        },
    ],
});

// The accountant: settle, decide, invoice, post
registry.category("web_tour.tours").add("trtc_first_customer_accountant", {
    url: "/odoo",
    steps: () => [
        ...openMenu("trtc_menu_billing", "trtc_menu_run"),
        {
            content: "Settle",
            trigger: ".modal button[name='action_settle']",
            run: "click",
        },
        {
            content: "There are statements",
            trigger: "body:not(:has(.modal)) .o_list_view .o_data_row:contains('First Account')",
        },
        ...openMenu("trtc_menu_billing", "trtc_menu_pending"),
        {
            content: "Choose the line",
            trigger: ".o_list_view .o_data_row:contains('First Application') .o_list_record_selector input",
            run: "click",
        },
        {
            content: "Decide",
            trigger: ".o_control_panel button:contains('Decide')",
            run: "click",
        },
        {
            content: "Bill it",
            trigger: ".modal .o_field_widget[name='outcome'] input[data-value='bill']",
            run: "click",
        },
        write(dialog, "reason", "As agreed with the customer"),
        {
            content: "Confirm",
            trigger: ".modal button[name='action_decide']",
            run: "click",
        },
        {
            content: "The dialog is closed",
            trigger: "body:not(:has(.modal)) .o_list_view",
        },
        ...openMenu("trtc_menu_billing", "trtc_menu_run"),
        {
            content: "Settle and invoice",
            trigger: ".modal button[name='action_invoice']",
            run: "click",
        },
        {
            content: "Open the invoice",
            trigger: ".o_list_view .o_data_row:contains('First Customer') td[name='name']",
            run: "click",
        },
        {
            content: "It bills 10,000 minutes at the price of the contract",
            trigger: "div[name='invoice_line_ids'] .o_data_row:contains('10,000')",
        },
        {
            content: "Post it",
            trigger: ".o_statusbar_buttons button[name='action_post']:visible",
            run: "click",
        },
        {
            content: "It is posted",
            trigger: ".o_statusbar_status .o_arrow_button_current:contains('Posted')",
        },
    ],
});
