"""Files as people have them: other alphabets, decimal commas, titles, stray signs, huge cells."""

import base64
import random
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from ..rating import encodings, usage_file
from .test_migration import load
from .test_usage_import import HEADER, ImportCommon


@tagged("post_install", "-at_install")
class TestUsageFiles(ImportCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()

    def table(self, *rows, delimiter=";", header=HEADER):
        """Return a file without quotation marks, but for those that cells have."""
        return "\n".join(delimiter.join(cells) for cells in [header, *rows]) + "\n"

    def numbers(self, *quantities):
        rows = [self.row(f"{place}-{one}", one) for place, one in enumerate(quantities)]
        return self.table(*rows).encode()

    def get_quantities(self, usage_import):
        return usage_import.usage_ids.sorted("external_id").mapped("quantity")

    def assert_all_counted(self, usage_import, rows):
        counts = usage_import.read(
            [f"{name}_count" for name in ("accepted", "duplicate", "restated", "unassigned")]
            + ["rejected_count"]
        )[0]
        del counts["id"]
        self.assertEqual(sum(counts.values()), rows)
        self.assertEqual(usage_import.row_count, rows)

    def get_rejected(self, usage_import):
        return base64.b64decode(usage_import.rejected_file)

    # === Decimal marks === #

    def test_a_file_with_decimal_commas_is_read_by_them(self):
        """60,5 and 1.234,5 were refused, and 1.234 was billed as 1.234 seconds."""
        content = self.numbers("60,5", "1.234,5", "1.234", "12.345.678", "1 234,5", "7")
        usage_import = self.carry_out(content)
        self.assertEqual(usage_import.decimal_mark, ",")
        self.assert_counts(usage_import, row=6, accepted=6)
        self.assertEqual(
            self.get_quantities(usage_import), [60.5, 1234.5, 1234, 12345678, 1234.5, 7]
        )

    def test_a_file_with_decimal_points_is_read_by_them(self):
        usage_import = self.carry_out(self.numbers("60.5", "1,234.5", "1.234", "1'234.5"))
        self.assertEqual(usage_import.decimal_mark, ".")
        self.assertEqual(self.get_quantities(usage_import), [60.5, 1234.5, 1.234, 1234.5])

    def test_whole_numbers_ask_nothing(self):
        usage_import = self.make_import(self.numbers("60", "1234", "0"))
        self.assertFalse(usage_import.problem)
        self.assertEqual(usage_import.decimal_mark, ".")

    def test_numbers_of_two_readings_are_asked_for_before_anything_is_taken(self):
        for numbers in (["1.234"], ["60", "1,234"]):
            usage_import = self.make_import(self.numbers(*numbers))
            self.assertFalse(usage_import.decimal_mark)
            self.assertFalse(usage_import.preview)
            self.assertIn("1234 with a decimal", usage_import.problem)
            self.assertIn("Choose the decimal mark", usage_import.problem)
            with self.assertRaisesRegex(UserError, "Choose the decimal mark"):
                usage_import.action_import()
            self.assertFalse(usage_import.usage_ids)

    def test_who_is_asked_answers_in_the_form(self):
        imports = self.env["trtc.usage.import"].with_user(self.user_operator)
        for mark, quantity in ((".", 1.234), (",", 1234)):
            form = Form(imports)
            form.file = base64.b64encode(self.numbers("1.234"))
            form.source = f"mark {mark}"
            self.assertIn("Choose the decimal mark", form.problem)
            form.decimal_mark = mark
            self.assertFalse(form.problem)
            usage_import = form.save()
            usage_import.action_import()
            self.assertEqual(usage_import.usage_ids.quantity, quantity)

    def test_a_file_with_both_marks_is_asked_for_and_loses_the_rows_that_do_not_fit(self):
        content = self.numbers("60,5", "1.5", "1.234")
        usage_import = self.make_import(content)
        self.assertIn("decimal point (1.5 in line 3)", usage_import.problem)
        self.assertIn("decimal comma (60,5 in line 2)", usage_import.problem)
        usage_import.decimal_mark = ","
        [_first, second, _third] = usage_import.preview["rows"]
        self.assertIn("does not fit the decimal comma", second["error"])
        usage_import.action_import()
        self.assert_counts(usage_import, row=3, accepted=2, rejected=1)
        self.assertEqual(self.get_quantities(usage_import), [60.5, 1234])
        self.assertIn(b"Line 3: quantity 1.5 does not fit", self.get_rejected(usage_import))

    def test_the_mark_of_what_was_imported_stays(self):
        usage_import = self.carry_out(self.numbers("60,5"))
        with self.assertRaisesRegex(UserError, "stays as it is"):
            usage_import.decimal_mark = "."

    def test_rejected_rows_are_read_again_as_the_file_that_they_come_from(self):
        """1.234 with a wrong day came back alone, and was 1.234 now."""
        rows = [self.row("a", "60,5"), self.row("b", "1.234", start="soon"),
                self.row("c", "2.345", item="", tags='=1;"')]  # fmt: skip
        first = self.carry_out(self.csv(*rows, delimiter=";"))
        self.assert_counts(first, row=3, accepted=1, rejected=2)
        rejected = self.get_rejected(first)
        again = self.carry_out(rejected)
        self.assert_counts(again, row=2, rejected=2)
        self.assertEqual(self.get_rejected(again).count(b"Line"), 2)
        corrected = rejected.replace(b"soon", b"2024-10-02").replace(b"1.234", b"1234")
        second = self.carry_out(corrected)
        self.assert_counts(second, row=2, accepted=1, rejected=1)
        self.assertEqual(self.get_quantities(second), [1234])

    # === Encodings and headers === #

    def test_the_texts_of_windows_are_read(self):
        """Zürich was stored as Z黵ich, and nobody was told."""
        content = self.csv(self.row("a", tags='{"city": "Zürich"}'), encoding="cp1252")
        usage_import = self.carry_out(content)
        self.assertEqual(usage_import.encoding, "cp1252")
        self.assertEqual(usage_import.usage_ids.tags, {"city": "Zürich"})

    def test_unicode_text_of_a_spreadsheet_is_read(self):
        for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
            row = self.row(encoding, tags='{"区": "Zürich"}')
            content = self.csv(row, delimiter="\t", encoding=encoding)
            usage_import = self.carry_out(content)
            self.assert_counts(usage_import, row=1, accepted=1)
            self.assertEqual(usage_import.usage_ids.tags, {"区": "Zürich"})

    def test_a_text_of_two_readings_is_asked_for(self):
        content = self.csv(self.row("CRÉÉ"), encoding="cp1252")
        usage_import = self.make_import(content)
        self.assertFalse(usage_import.encoding)
        self.assertIn("line 2 says “CR缮” or “CRÉÉ”. Choose the encoding", usage_import.problem)
        with self.assertRaisesRegex(UserError, "Choose the encoding"):
            usage_import.action_import()
        usage_import.encoding = "cp1252"
        self.assertFalse(usage_import.problem)
        usage_import.action_import()
        self.assertEqual(usage_import.usage_ids.external_id, "CRÉÉ")

    def test_rejected_rows_of_a_text_of_two_readings_keep_the_one_that_was_chosen(self):
        content = self.csv(self.row("CR缮", "-1"), encoding="gb18030")
        first = self.carry_out(content, encoding="gb18030")
        again = self.make_import(self.get_rejected(first))
        self.assertFalse(again.problem)
        self.assertEqual(again.preview["rows"][0]["cells"][0], "CR缮")

    def test_a_header_is_found_below_a_title(self):
        head = "sep=;\nUsage of October;;;;;\n\nID;SDKAppID;Item;Quantity;Start ;Tags;;\n"
        content = head.encode() + ";".join(self.row("a", "60,5")).encode() + b";;\n;;;;;;;\n"
        usage_import = self.carry_out(content)
        self.assert_counts(usage_import, row=1, accepted=1)
        self.assertEqual(usage_import.usage_ids.quantity, 60.5)

    def test_a_workbook_is_called_one(self):
        usage_import = self.make_import(b"PK\x03\x04" + bytes(range(256)))
        self.assertIn("workbook", usage_import.problem)
        self.assertIn("CSV UTF-8", usage_import.problem)

    # === Every row is accounted for === #

    def test_a_stray_quotation_mark_costs_its_own_row(self):
        """Two of four rows vanished, and the import said "rejected 0"."""
        rows = [self.row("a"), self.row('"b'), self.row("c"), self.row("d")]
        usage_import = self.carry_out(self.table(*rows).encode())
        self.assert_counts(usage_import, row=4, accepted=3, rejected=1)
        rejected = self.get_rejected(usage_import)
        self.assertIn(b"Line 3: The quotation marks of this line do not match", rejected)
        self.assert_counts(self.carry_out(rejected), row=1, rejected=1)

    def test_every_line_is_in_one_of_the_counts(self):
        chance = random.Random(7)
        for _round in range(8):
            rows = [self.row(f"{chance.random()}", chance.choice(["60", "x"])) for _ in range(12)]
            text = list(self.table(*rows, delimiter=","))
            head = len(",".join(HEADER)) + 1
            for _sign in range(9):
                text.insert(chance.randrange(head, len(text)), chance.choice('"\n,\t\r\x00='))
            content = "".join(text)
            usage_import = self.carry_out(content.encode(), decimal_mark=".")
            physical = [line for line in content.split("\n")[1:] if line.strip('," \t\r')]
            self.assert_all_counted(usage_import, len(physical))

    def test_control_characters_in_ids_are_refused(self):
        rows = [self.row(f"a{sign}b") for sign in "\t\x00\x1f\x7f"]
        usage_import = self.carry_out(self.csv(*rows))
        self.assert_counts(usage_import, row=4, rejected=4)
        self.assertIn(b"id contains a control character (a\\x09b)", self.get_rejected(usage_import))

    def test_the_lines_of_records_are_told_to_intake(self):
        usage = type(self.env["trtc.usage"])
        rows = [self.row("a"), self.row('"b'), [], self.row("c")]
        with patch.object(usage, "_ingest", autospec=True, side_effect=usage._ingest) as ingest:
            self.carry_out(self.table(*rows).encode())
        self.assertEqual(ingest.call_args.kwargs["lines"], [2, 5])

    # === Too much at once === #

    def test_a_huge_cell_is_one_row_that_is_refused(self):
        huge = self.row("b", tags="x" * 5_000_000)
        content = self.csv(self.row("a"), huge, self.row("c"))
        usage_import = self.make_import(content)
        self.assertIn("longer than 65536 characters", usage_import.preview["rows"][1]["error"])
        self.assertLess(len(str(usage_import.preview)), 3000)
        usage_import.action_import()
        self.assert_counts(usage_import, row=3, accepted=2, rejected=1)
        self.assertLess(len(self.get_rejected(usage_import)), 1000)

    def test_a_file_of_blank_lines_has_no_rows(self):
        content = self.csv(self.row("a")) + b"\r\n" * 1_000_000 + b";\n, ,\n"
        with patch.object(usage_file, "split", side_effect=usage_file.split) as split:
            usage_import = self.carry_out(content)
            self.assertEqual(usage_import.row_count, 2, "a semicolon is no blank here")
        self.assertLess(split.call_count, 20)

    def test_the_preview_reads_no_more_than_it_shows(self):
        """It decoded all of the file, and kept all of its rows, to show ten."""
        content = self.csv(*[self.row(f"r{number}") for number in range(5000)])
        usage_import = self.make_import(content)
        usage_import.flush_recordset()
        usage_import.invalidate_recordset()
        with (
            patch.object(usage_file, "_read_row", side_effect=usage_file._read_row) as read_row,
            patch.object(encodings, "CHUNK", 1000),
            patch.object(usage_file, "find_mark") as find_mark,
        ):
            self.assertEqual(usage_import.preview["total"], 5000)
        self.assertEqual(read_row.call_count, 10)
        find_mark.assert_not_called()

    def test_a_file_of_too_many_rows_is_told_before_anything_is_taken(self):
        self.patch(usage_file, "ROW_LIMIT", 20)
        content = self.csv(*[self.row(f"r{number}") for number in range(21)])
        usage_import = self.make_import(content)
        self.assertIn("more than 20 rows. Split it", usage_import.problem)
        with self.assertRaisesRegex(UserError, "more than 20 rows"):
            usage_import.action_import()
        self.assert_counts(self.carry_out(content[: content.index(b"r20")]), row=20, accepted=20)

    # === Names === #

    def test_the_name_of_a_file_is_no_path(self):
        """What a client sends as a name was offered to others for saving."""
        content = self.csv(self.row("a", "-1"))
        for name, stem in (
            ("../../etc/october.csv", "etc-october"),
            ("C:\\x\\october.csv", "C-x-october"),
            ("octo\x00ber\r\n.csv", "october"),
            ("x" * 999 + ".csv", "x" * 187),
        ):
            usage_import = self.carry_out(content, file_name=name)
            self.assertTrue(usage_import.file_name.startswith(stem))
            self.assertEqual(usage_import.rejected_file_name, f"{stem}-rejected.csv")
            usage_import.file_name = name
            self.assertNotRegex(usage_import.file_name, r"[/\\\x00-\x1f]|\.\.")
        nameless = self.carry_out(content, file_name=False, name="../a/b")
        self.assertEqual(nameless.rejected_file_name, "a-b-rejected.csv")

    def test_a_copy_looks_for_the_form_of_its_own_file(self):
        """With the decimal comma of the file that was copied, 1.5 would be refused."""
        usage_import = self.carry_out(self.numbers("60,5"))
        copy = usage_import.copy({"file": base64.b64encode(self.csv(self.row("a", "1.5")))})
        self.assertEqual((copy.delimiter, copy.decimal_mark), (",", "."))

    # === Before 19.0.3.2.0 === #

    def test_what_was_there_before_keeps_its_meaning(self):
        done = self.carry_out(self.numbers("60"))
        named = self.make_import(self.numbers("60"))
        western = self.make_import(self.csv(self.row("Zürich"), encoding="cp1252"))
        doubtful = self.make_import(self.numbers("1.234"))
        self.env.flush_all()
        cr = self.env.cr
        cr.execute("ALTER TABLE trtc_usage_import DROP COLUMN decimal_mark")
        cr.execute("UPDATE trtc_usage_import SET encoding = 'gb18030' WHERE id = %s", [western.id])
        cr.execute("UPDATE trtc_usage_import SET file_name = '../a.csv' WHERE id = %s", [named.id])
        self.env.invalidate_all()
        load("19.0.3.2.0", "pre-csv").migrate(cr, "19.0.3.1.0")
        load("19.0.3.2.0", "post-csv").migrate(cr, "19.0.3.1.0")
        self.env.invalidate_all()
        self.assertEqual(
            [one.decimal_mark for one in (done, named, western, doubtful)], [".", ".", ".", False]
        )
        self.assertEqual(western.encoding, "cp1252")
        self.assertEqual(named.file_name, "a.csv")
