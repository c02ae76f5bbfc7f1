import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

const openMenu = (section, entry) => [
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

const openApp = () => [
    stepUtils.showAppsMenuItem(),
    {
        content: "Open the app",
        trigger: ".o_app[data-menu-xmlid='trtc_billing.trtc_menu_root']",
        run: "click",
    },
];

// From settled usage to a posted invoice, and back down to the usage
registry.category("web_tour.tours").add("trtc_bill_a_month", {
    url: "/odoo",
    steps: () => [
        ...openApp(),
        ...openMenu("trtc_menu_billing", "trtc_menu_run"),
        {
            content: "Settle and invoice everything that is due",
            trigger: ".modal button[name='action_invoice']",
            run: "click",
        },
        {
            content: "Open the invoice",
            trigger: ".o_list_view .o_data_row:contains('Tour Account') td[name='name']",
            run: "click",
        },
        {
            content: "See what it bills",
            trigger: "div[name='invoice_line_ids'] .o_data_row:contains('1,000')",
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
        {
            content: "Open the statements behind it",
            trigger: ".oe_stat_button[name='action_open_trtc_statements']",
            run: "click",
        },
        {
            content: "Open the statement",
            trigger: ".o_list_view .o_data_row:contains('Invoiced') td[name='name']",
            run: "click",
        },
        {
            content: "Open its line",
            trigger: "div[name='line_ids'] .o_data_row td[name='item_id']",
            run: "click",
        },
        {
            content: "Read how it came to be",
            trigger: ".o_field_widget[name='explanation']:contains('0.00399')",
        },
    ],
});

// From the matrix to an edition that unlocks one feature more, and back
registry.category("web_tour.tours").add("trtc_change_the_matrix", {
    url: "/odoo",
    steps: () => [
        ...openApp(),
        ...openMenu("trtc_menu_configuration", "trtc_menu_matrix"),
        {
            content: "What every edition has cannot be unticked",
            trigger:
                ".o_trtc_edition_matrix tr[data-code='cloud_slicing'] input[data-edition='lite']:disabled:checked",
        },
        {
            content: "Tick",
            trigger:
                ".o_trtc_edition_matrix tr[data-code='terminal_screenshot'] input[data-edition='pro']:enabled:not(:checked)",
            run: "click",
        },
        {
            content: "It is saved",
            trigger:
                ".o_trtc_edition_matrix tr[data-code='terminal_screenshot'] input[data-edition='pro']:enabled:checked",
        },
        {
            content: "Take away what settled usage rests on",
            trigger:
                ".o_trtc_edition_matrix tr[data-code='terminal_screenshot'] input[data-edition='flagship']:enabled:checked",
            run: "click",
        },
        {
            content: "It is refused, and says why",
            trigger: ".modal:contains('is settled as billable already') .btn-primary",
            run: "click",
        },
        {
            content: "The tick is there still",
            trigger:
                "body:not(:has(.modal)) .o_trtc_edition_matrix tr[data-code='terminal_screenshot'] input[data-edition='flagship']:enabled:checked",
        },
        {
            content: "Open an edition by its name",
            trigger: ".o_trtc_edition_matrix thead a[title='pro']",
            run: "click",
        },
        {
            content: "It unlocks the feature",
            trigger:
                ".o_form_view .o_field_widget[name='feature_ids'] .form-check:contains('Terminal video screenshot') input:checked",
        },
    ],
});

// From locked usage to a decision
registry.category("web_tour.tours").add("trtc_decide_on_locked_usage", {
    url: "/odoo",
    steps: () => [
        ...openApp(),
        ...openMenu("trtc_menu_billing", "trtc_menu_pending"),
        {
            content: "Choose the line",
            trigger: ".o_list_view .o_data_row:contains('Tour Application') .o_list_record_selector input",
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
        {
            content: "Say why",
            trigger: ".modal .o_field_widget[name='reason'] input",
            run: "edit As agreed",
        },
        {
            content: "Confirm",
            trigger: ".modal button[name='action_decide']",
            run: "click",
        },
        {
            content: "The adjustment is to be invoiced",
            trigger: ".o_list_view .o_data_row:contains('To Invoice')",
        },
    ],
});
