import { Component, onWillStart, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

/** Which edition unlocks which feature; a click is saved at once. */
export class EditionMatrix extends Component {
    static template = "trtc_billing.EditionMatrix";
    static components = { Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ editions: [], features: [], canEdit: false, saving: {} });
        onWillStart(() => this.load());
    }

    async load() {
        const matrix = await this.orm.call("trtc.edition", "get_matrix", []);
        this.state.editions = matrix.editions;
        this.state.features = matrix.features;
        this.state.canEdit = matrix.can_edit;
    }

    getKey(feature, edition) {
        return `${feature.id}-${edition.id}`;
    }

    isUnlocked(feature, edition) {
        return feature.every_edition || feature.edition_ids.includes(edition.id);
    }

    isFixed(feature, edition) {
        const saving = this.state.saving[this.getKey(feature, edition)];
        return !this.state.canEdit || feature.every_edition || Boolean(saving);
    }

    getHint(feature, edition) {
        if (feature.every_edition) {
            return _t("%s is in every edition", feature.name);
        }
        return _t("%(edition)s unlocks %(feature)s", {
            edition: edition.name,
            feature: feature.name,
        });
    }

    async onChange(feature, edition, ev) {
        const key = this.getKey(feature, edition);
        const box = ev.target;
        const unlocked = box.checked;
        this.state.saving[key] = true;
        try {
            await this.orm.call("trtc.edition", "set_unlocked", [
                [edition.id],
                feature.id,
                unlocked,
            ]);
            const others = feature.edition_ids.filter((id) => id !== edition.id);
            feature.edition_ids = unlocked ? [...others, edition.id] : others;
        } catch (error) {
            // It was refused: the tick says again what holds.
            box.checked = this.isUnlocked(feature, edition);
            throw error;
        } finally {
            delete this.state.saving[key];
        }
    }

    open(model, id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: model,
            res_id: id,
            views: [[false, "form"]],
        });
    }
}

registry.category("actions").add("trtc_edition_matrix", EditionMatrix);
