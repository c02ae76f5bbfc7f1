from odoo import models
from odoo.tools import LazyTranslate

from ..rating import facts, numerals

_lt = LazyTranslate(__name__)

#: What is said about a file that cannot be read, by the reason of a FileError
FILE_SENTENCES = {
    "not_text": _lt(
        "The file is not %(encoding)s text: byte %(position)s cannot be read. Choose another "
        "encoding, or save the file again as UTF-8."
    ),
    "which_encoding": _lt(
        "The file can be read as GB18030 (Chinese) and as Windows-1252 (Western European): line "
        "%(line)s says “%(chinese)s” or “%(western)s”. Choose the encoding that shows the right "
        "text."
    ),
    "workbook": _lt(
        "This file is a workbook, not a CSV file. Save it as “CSV UTF-8” in the spreadsheet "
        "program and choose the new file."
    ),
    "long_header": _lt(
        "Line %(line)s is longer than %(limit)s characters and cannot name the columns. Check "
        "that this is a CSV file."
    ),
    "many_columns": _lt(
        "Line %(line)s names %(count)s columns; a file of usage records has at most %(limit)s. "
        "Check file and delimiter."
    ),
    "many_rows": _lt("The file has more than %(limit)s rows. Split it into smaller files."),
    "header": _lt(
        "Line %(line)s must name the columns. Required: %(required)s. Optional: %(optional)s. "
        "Found: %(found)s. Check column names and delimiter."
    ),
}
#: What is said about a row that cannot be read as a record, by the reason of a RowError
ROW_SENTENCES = {
    "too_long": _lt(
        "The line is longer than %(limit)s characters; only its beginning is shown. Shorten it."
    ),
    "quotation": _lt(
        "The quotation marks of this line do not match. A cell in quotation marks must end in "
        "its own line; a quotation mark inside it is written twice."
    ),
    "surplus": _lt(
        "Cell %(number)s stands in no named column. A cell that contains the delimiter, such as "
        "a number with a comma, must be in quotation marks."
    ),
    "control": _lt("%(field)s contains a control character (%(value)s). Remove it."),
    "stray_quote": _lt("%(field)s contains a quotation mark (%(value)s). Remove it."),
}
#: Likewise of a number, by the reason and the decimal mark of the file
NUMBER_SENTENCES = {
    ("other_mark", numerals.COMMA): _lt(
        "quantity %(value)s does not fit the decimal comma of this file. Write it like 1.234,5 "
        "or 1234,5, or choose the decimal point for the file."
    ),
    ("other_mark", numerals.POINT): _lt(
        "quantity %(value)s does not fit the decimal point of this file. Write it like 1,234.5 "
        "or 1234.5, or choose the decimal comma for the file."
    ),
    ("not_number", numerals.COMMA): _lt(
        "quantity must be a number such as 90 or 1,5, not %(value)s."
    ),
    ("not_number", numerals.POINT): _lt(
        "quantity must be a number such as 90 or 1.5, not %(value)s."
    ),
}
MIXED = _lt(
    "The file has quantities with a decimal point (%(point)s in line %(point_line)s) and with a "
    "decimal comma (%(comma)s in line %(comma_line)s). Choose the decimal mark: rows that do "
    "not fit it are rejected."
)
UNSURE = _lt(
    "The quantity %(value)s in line %(line)s is %(point)s with a decimal point and %(comma)s "
    "with a decimal comma, and no other row shows which one is meant. Choose the decimal mark."
)


class TrtcUsageImport(models.Model):
    # What an import says about a file or a row that it cannot read.
    _inherit = "trtc.usage.import"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    def _get_file_message(self, error):
        """Return the sentence for a :class:`rating.encodings.FileError`."""
        if error.reason == "which_mark":
            return self._get_doubt_message(error.values["doubt"])
        labels = dict(self._fields["encoding"]._description_selection(self.env))
        sentence = self.env._(FILE_SENTENCES[error.reason])
        return sentence % {
            **error.values,
            "encoding": labels.get(error.values.get("encoding")),
            "required": ", ".join(facts.REQUIRED),
            "optional": ", ".join(facts.OPTIONAL),
            "found": error.values.get("found") or self.env._("nothing"),
        }

    def _get_doubt_message(self, doubt):
        """Return the sentence for a :class:`rating.numerals.Doubt`."""
        if doubt.point and doubt.comma:
            (point_line, point), (comma_line, comma) = doubt.point, doubt.comma
            sentence = self.env._(MIXED)
            return sentence % {
                "point": facts.shown(point),
                "point_line": point_line,
                "comma": facts.shown(comma),
                "comma_line": comma_line,
            }
        line, text = doubt.unsure
        sentence = self.env._(UNSURE)
        return sentence % {
            "line": line,
            "value": facts.shown(text),
            "point": numerals.read_numeral(text, numerals.POINT),
            "comma": numerals.read_numeral(text, numerals.COMMA),
        }

    def _get_row_message(self, error):
        """Return the sentence for a :class:`rating.usage_file.RowError`."""
        sentence = ROW_SENTENCES.get(error.reason)
        if not sentence:
            sentence = NUMBER_SENTENCES[error.reason, error.values["mark"]]
        translated = self.env._(sentence)
        return translated % error.values
