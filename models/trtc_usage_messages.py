from odoo import api, models

from ..rating import facts


class TrtcUsage(models.Model):
    # A room of its own: what intake says about a record that it refuses.
    _inherit = "trtc.usage"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    @api.model
    def _prepare_rejection(self, index, record, error):
        return {
            "index": index,
            "id": facts.shown_id(record.get("id")) if isinstance(record, dict) else None,
            "error": self._get_fact_message(error),
        }

    @api.model
    def _get_fact_message(self, error):
        """Return the sentence for a :class:`rating.facts.FactError`."""
        field, value = error.field, error.value
        sentences = {
            "missing": self.env._(
                "The field %(field)s is missing: please fill it in.", field=field
            ),
            "not_text": self.env._(
                "%(field)s must be text or a whole number, not %(value)s.",
                field=field,
                value=value,
            ),
            "too_long": self.env._(
                "%(field)s is longer than %(limit)s characters (%(value)s): please shorten it.",
                field=field,
                limit=facts.TEXT_LIMIT,
                value=value,
            ),
            "not_number": self.env._(
                "%(field)s must be a number such as 90 or 1.5, not %(value)s.",
                field=field,
                value=value,
            ),
            "not_finite": self.env._(
                "%(field)s must be a finite number, not %(value)s.", field=field, value=value
            ),
            "negative": self.env._(
                "%(field)s cannot be negative (%(value)s). To correct a fact, send its "
                "id again with the right quantity.",
                field=field,
                value=value,
            ),
            "too_large": self.env._(
                "%(field)s is too large (%(value)s): please check the unit.",
                field=field,
                value=value,
            ),
            "not_moment": self.env._(
                "%(field)s must be a date like 2024-10-01 or a time like "
                "2024-10-01T08:30:00+08:00, not %(value)s.",
                field=field,
                value=value,
            ),
            "not_plausible": self.env._(
                "%(field)s must lie between %(first)s and %(end)s, not at %(value)s: please "
                "check the year.",
                field=field,
                first=facts.FIRST_DAY.isoformat(),
                end=facts.END_DAY.isoformat(),
                value=value,
            ),
            "end_before_start": self.env._(
                "end (%(value)s) lies before start: please swap or correct them.", value=value
            ),
            "not_tags": self.env._(
                'tags must be a flat object of texts such as {"room": "42"}, not %(value)s.',
                value=value,
            ),
            "too_many_tags": self.env._(
                "A record takes at most %(pairs)s tags of %(characters)s characters in "
                "total: please shorten tags.",
                pairs=facts.TAGS_LIMIT,
                characters=facts.TAGS_TEXT_LIMIT,
            ),
            "unknown_field": self.env._(
                "%(field)s is no field of a usage record. The fields are: %(fields)s.",
                field=field,
                fields=", ".join(facts.REQUIRED + facts.OPTIONAL),
            ),
            "not_record": self.env._(
                "A usage record must be an object, not %(value)s.", value=value
            ),
            "unknown_item": self.env._(
                "The billing item %(value)s is not known. The codes are listed under TRTC "
                "Billing / Configuration / Catalogue / Billing Items.",
                value=value,
            ),
            "unknown_unit": self.env._(
                "The unit %(value)s is not known. Known units are those with a usage record "
                "word under TRTC Billing / Configuration / Catalogue / Units.",
                value=value,
            ),
            "other_unit": self.env._(
                "The unit %(value)s does not measure what this billing item is metered in: "
                "please check unit and item.",
                value=value,
            ),
        }
        return sentences[error.reason]
