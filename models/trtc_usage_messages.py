from odoo import api, models

from ..rating import facts, texts

#: How many of the places of an id a sentence names.
NAMED_PLACES = 50


class TrtcUsage(models.Model):
    # A room of its own: what intake says about a record that it refuses.
    _inherit = "trtc.usage"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    @api.model
    def _prepare_rejection(self, index, record, error):
        return self._prepare_refusal(index, record, self._get_fact_message(error))

    @api.model
    def _prepare_refusal(self, index, record, sentence):
        return {
            "index": index,
            "id": facts.shown_id(record.get("id")) if isinstance(record, dict) else None,
            "error": sentence,
        }

    @api.model
    def _get_conflict_message(self, external_id, indices, lines):
        """Return the sentence about one id of several facts.

        :param indices: of their records
        :param lines: of each record, the number of its line in a file; else None
        """
        numbers = indices if lines is None else [lines[index] for index in indices]
        if len(numbers) > NAMED_PLACES:
            named = self.env._(
                "%(numbers)s and %(count)s more",
                numbers=", ".join(map(str, numbers[:NAMED_PLACES])),
                count=len(numbers) - NAMED_PLACES,
            )
        else:
            named = self.env._(
                "%(numbers)s and %(last)s",
                numbers=", ".join(map(str, numbers[:-1])),
                last=numbers[-1],
            )
        words = {"id": facts.shown(external_id), "numbers": named}
        if lines is None:
            sentence = self.env._(
                "The id %(id)s stands in records %(numbers)s with different content: none of "
                "them was taken in. Give each fact its own id.",
                **words,
            )
        else:
            sentence = self.env._(
                "The id %(id)s stands on lines %(numbers)s with different content: none of "
                "them was taken in. Give each fact its own id.",
                **words,
            )
        if not texts.is_shortened(external_id):
            return sentence
        return self.env._(
            "%(sentence)s A spreadsheet seems to have shortened the ids: format their column "
            "as text.",
            sentence=sentence,
        )

    @api.model
    def _get_restating_message(self, external_id, sender):
        return self.env._(
            "The id %(id)s is known with other content, and the source %(sender)s replaces no "
            "facts: give a new fact an id of its own. To correct a known fact, let a manager "
            "allow it under TRTC Billing / Configuration / Usage Sources.",
            id=facts.shown(external_id),
            sender=sender.name,
        )

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
            "control": self.env._(
                "%(field)s contains a control character, such as a tab or a line break "
                "(%(value)s): please remove it.",
                field=field,
                value=value,
            ),
            "not_sdkappid": self.env._(
                "%(value)s is no SDKAppID, which has at most %(digits)s digits, such as "
                "1400000001: please correct %(field)s.",
                field=field,
                digits=facts.SDKAPPID_DIGITS,
                value=value,
            ),
            "shortened": self.env._(
                "%(field)s is no whole number any more (%(value)s): a spreadsheet shortened it. "
                "Format the column as text and enter the number again.",
                field=field,
                value=value,
            ),
            "too_long": self.env._(
                "%(field)s is longer than %(limit)s characters (%(value)s): please shorten it.",
                field=field,
                limit=facts.TEXT_LIMIT,
                value=value,
            ),
            "marks": self.env._(
                "%(field)s has a letter with more than %(limit)s accents or other marks "
                "(%(value)s): please correct it.",
                field=field,
                limit=texts.MARKS_LIMIT,
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
            "doubled": self.env._(
                "%(field)s (%(value)s) comes twice in the billing time zone, as the clocks are "
                "set back: give the offset, for instance 2024-10-01T08:30:00+08:00.",
                field=field,
                value=value,
            ),
            "skipped": self.env._(
                "%(field)s (%(value)s) does not exist in the billing time zone, as the clocks "
                "are set forward: give the offset, for instance 2024-10-01T08:30:00+08:00.",
                field=field,
                value=value,
            ),
            "in_future": self.env._(
                "%(field)s (%(value)s) lies in the future: please check date and time zone.",
                field=field,
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
