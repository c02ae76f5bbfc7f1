from odoo import Command, api, models
from odoo.exceptions import UserError


class TrtcEdition(models.Model):
    # A room of its own: the matrix edition × feature.
    _inherit = "trtc.edition"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    def write(self, vals):
        before = {edition: edition.feature_ids for edition in self} if "feature_ids" in vals else {}
        result = super().write(vals)
        for edition, features in before.items():
            (features - edition.feature_ids)._check_loss(edition)
        return result

    # === BUSINESS === #

    @api.model
    def get_matrix(self):
        """Return which edition unlocks which feature.

        :return: ``{"editions": [{"id", "name", "code"}], "features": [{"id", "name", "code",
            "every_edition", "edition_ids"}], "can_edit"}``, editions by rank;
            ``edition_ids`` are those of the editions above
        :raise AccessError: for a user who may not read editions
        """
        editions = self.search_fetch([], ["name", "code"])
        features = self.env["trtc.feature"].search_fetch([], ["name", "code"])
        return {
            "editions": editions.read(["name", "code"]),
            "features": [
                {
                    **values,
                    "edition_ids": [id_ for id_ in values["edition_ids"] if id_ in editions.ids],
                }
                for values in features.read(["name", "code", "every_edition", "edition_ids"])
            ],
            "can_edit": self.has_access("write"),
        }

    def set_unlocked(self, feature_id, unlocked):
        """Let these editions unlock a feature, or no longer; safe to repeat.

        :param int feature_id: id of a ``trtc.feature``
        :param bool unlocked: whether they shall unlock it
        :raise AccessError: for a user who may not change editions
        :raise UserError: if settled usage would be locked, or if nothing could change
        """
        self.check_access("write")
        self._check_cell(feature_id, unlocked)
        command = Command.link if unlocked else Command.unlink
        self.write({"feature_ids": [command(feature_id)]})

    def _check_cell(self, feature_id, unlocked):
        """Raise unless these are cells of the matrix that can be ticked.

        A program that is told nothing takes it for done.
        """
        if not self:
            raise UserError(self.env._("Name the edition that shall unlock the feature."))
        if not isinstance(unlocked, bool):
            raise UserError(
                self.env._("%(value)s is neither true nor false.", value=repr(unlocked))
            )
        features = self.env["trtc.feature"]
        feature = features.browse(feature_id) if type(feature_id) is int else features
        if not feature.exists():
            raise UserError(
                self.env._(
                    "There is no feature with the id %(id)s. get_matrix lists the ids.",
                    id=repr(feature_id),
                )
            )
        if feature.every_edition:
            raise UserError(
                self.env._(
                    "Every edition unlocks %(feature)s. Change that on the feature itself first.",
                    feature=feature.name,
                )
            )
