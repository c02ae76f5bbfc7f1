import base64
import csv
import io
import time
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from ..rating import usage_file
from .common import TrtcCommon

HEADER = ("id", "sdkappid", "item", "quantity", "start", "tags")
COUNTS = ("row", "accepted", "duplicate", "restated", "unassigned", "rejected")


class ImportCommon(TrtcCommon):
    def row(self, external_id, quantity="60", item="av_hd", start="2024-10-01", tags="", **more):
        row = {
            "id": external_id,
            "sdkappid": self.application.sdkappid,
            "item": item,
            "quantity": quantity,
            "start": start,
            "tags": tags,
        }
        return [{**row, **more}.get(name, "") for name in HEADER]

    def csv(self, *rows, header=HEADER, delimiter=",", encoding="utf-8", newline="\r\n"):
        output = io.StringIO()
        writer = csv.writer(output, delimiter=delimiter, lineterminator=newline)
        writer.writerows([header, *rows] if header else rows)
        return output.getvalue().encode(encoding)

    def make_import(self, content, **vals):
        return self.env["trtc.usage.import"].create(
            {
                "name": "October",
                "file": base64.b64encode(content),
                "file_name": "october.csv",
                **vals,
            }
        )

    def carry_out(self, content, **vals):
        usage_import = self.make_import(content, **vals)
        usage_import.action_import()
        return usage_import

    def assert_counts(self, usage_import, **counts):
        expected = {**dict.fromkeys(COUNTS, 0), **counts}
        self.assertEqual({name: usage_import[f"{name}_count"] for name in COUNTS}, expected)


@tagged("post_install", "-at_install")
class TestUsageImportFormats(ImportCommon):
    def assert_taken(self, content, encoding, delimiter, **vals):
        usage_import = self.make_import(content, **vals)
        self.assertFalse(usage_import.problem)
        self.assertEqual((usage_import.encoding, usage_import.delimiter), (encoding, delimiter))
        usage_import.action_import()
        self.assert_counts(usage_import, row=2, accepted=2)
        usages = usage_import.usage_ids.sorted("external_id")
        self.assertEqual(usages.mapped("external_id"), ["a", "b"])
        self.assertEqual(usages.mapped("quantity"), [60.5, 90])
        self.assertEqual(usages.mapped("tags"), [{"区域": "华东"}, {"room": "a;b,c\td"}])

    def two_rows(self, **options):
        return self.csv(
            self.row("a", "60.5", tags='{"区域": "华东"}'),
            self.row("b", "90", tags='{"room": "a;b,c\\td"}'),
            **options,
        )

    def test_a_file_in_utf_8_is_taken(self):
        self.assert_taken(self.two_rows(), "utf-8-sig", ",")

    def test_a_byte_order_mark_does_not_hide_the_first_column(self):
        self.assert_taken(self.two_rows(encoding="utf-8-sig"), "utf-8-sig", ",")

    def test_a_file_in_gb18030_keeps_its_chinese_tags(self):
        self.assert_taken(self.two_rows(encoding="gb18030"), "gb18030", ",")

    def test_semicolons_and_tabs_are_found(self):
        self.assert_taken(self.two_rows(delimiter=";"), "utf-8-sig", ";")

    def test_tabs_are_found(self):
        self.assert_taken(self.two_rows(delimiter="\t"), "utf-8-sig", "\t")

    def test_lines_may_end_in_any_way(self):
        self.assert_taken(self.two_rows(newline="\n"), "utf-8-sig", ",")

    def test_a_quoted_newline_costs_its_own_record_and_no_other(self):
        content = self.csv(
            self.row("a", tags='{\n"room":\n"7"}'),
            self.row("b", "-1"),
            self.row("c"),
        )
        usage_import = self.carry_out(content)
        self.assert_counts(usage_import, row=5, accepted=1, rejected=4)
        self.assertEqual(usage_import.usage_ids.external_id, "c")
        text = base64.b64decode(usage_import.rejected_file).decode()
        self.assertIn("Line 2: The quotation marks of this line do not match", text)
        # Lines as an editor counts them
        self.assertIn("Line 5: quantity cannot be negative", text)

    def test_empty_lines_and_cells_mean_nothing(self):
        blank = ["", "  ", "", "", "", ""]
        usage_import = self.carry_out(self.csv(self.row("a"), blank, [], self.row("b")))
        self.assert_counts(usage_import, row=2, accepted=2)

    def test_columns_may_come_in_any_order_and_without_the_optional_ones(self):
        content = self.csv(
            ["2024-10-01", "60", "av_hd", self.application.sdkappid, "a"],
            header=("start", "quantity", "item", "sdkappid", " id "),
        )
        self.assert_counts(self.carry_out(content), row=1, accepted=1)

    def test_all_columns_are_read(self):
        content = self.csv(
            ["a", self.application.sdkappid, "av_hd", "2", "min", "2024-10-01T23:00:00",
             "2024-10-02", '{"a": "b"}'],
            header=("id", "sdkappid", "item", "quantity", "unit", "start", "end", "tags"),
        )  # fmt: skip
        usage = self.carry_out(content).usage_ids
        self.assertEqual((usage.quantity, usage.unit, usage.tags), (120, "min", {"a": "b"}))
        self.assertEqual(str(usage.end), "2024-10-01 16:00:00")

    def assert_problem(self, pattern, content, **vals):
        usage_import = self.make_import(content, **vals)
        self.assertRegex(usage_import.problem, pattern)
        self.assertFalse(usage_import.preview)
        with self.assertRaisesRegex(UserError, pattern):
            usage_import.action_import()
        self.assertEqual(usage_import.state, "draft")
        self.assertFalse(self.env["trtc.usage"].search([("import_id", "=", usage_import.id)]))

    def test_a_missing_column_is_told_before_anything_is_taken(self):
        content = self.csv(["a", "1400000001"], header=("id", "sdkappid"))
        self.assert_problem("Required: id, sdkappid, item, quantity, start", content)

    def test_a_misspelt_column_is_not_ignored(self):
        header = (*HEADER[:5], "tag")
        self.assert_problem("Found: id, .* tag", self.csv(self.row("a"), header=header))

    def test_a_column_that_comes_twice_is_not_guessed(self):
        header = (*HEADER[:5], "quantity")
        self.assert_problem("must name the columns", self.csv(self.row("a"), header=header))

    def test_an_empty_file_is_told(self):
        self.assert_problem("Found: nothing", b"\n")

    def test_a_file_without_a_header_is_told(self):
        content = self.csv(self.row("a"), self.row("b"), header=None)
        self.assert_problem("must name the columns", content)

    def test_a_file_of_a_header_alone_is_no_error(self):
        self.assert_counts(self.carry_out(self.csv()))

    def test_the_wrong_encoding_is_told_with_the_place(self):
        content = self.two_rows(encoding="gb18030")
        position = content.index("区".encode("gb18030")) + 1
        self.assert_problem(f"not UTF-8 text: byte {position} ", content, encoding="utf-8-sig")

    def test_the_wrong_delimiter_is_told(self):
        self.assert_problem("must name the columns", self.two_rows(), delimiter=";")

    def test_a_file_that_is_no_text_at_all_is_told(self):
        self.assert_problem("not UTF-8 text: byte 129 ", bytes(range(256)) * 8)

    def test_a_line_of_200_000_columns_does_not_hang(self):
        content = b"id," * 200_000 + b"id\n"
        start = time.monotonic()
        self.assert_problem("Line 1 is longer than 65536 characters", content)
        self.assertLess(time.monotonic() - start, 5)

    def test_too_many_columns_are_told(self):
        content = b"id," * 2_000 + b"id\n"
        self.assert_problem("names 2001 columns; .* at most 20", content)

    def test_a_row_with_more_cells_than_columns_is_not_cut(self):
        """1,000 without quotation marks are two cells: 1 would be taken for it."""
        content = (
            "id,sdkappid,item,start,quantity\n"
            f"a,{self.application.sdkappid},av_hd,2024-10-01,1,000\n"
            f"b,{self.application.sdkappid},av_hd,2024-10-01,60,\n"
        ).encode()
        usage_import = self.carry_out(content)
        self.assert_counts(usage_import, row=2, accepted=1, rejected=1)
        self.assertEqual(usage_import.usage_ids.external_id, "b")


@tagged("post_install", "-at_install")
class TestUsageImport(ImportCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()

    def test_the_preview_shows_what_will_be_rejected(self):
        content = self.csv(
            self.row("a"), self.row("b", "x"), *[self.row(f"c{n}") for n in range(20)]
        )
        preview = self.make_import(content).preview
        self.assertEqual(preview["header"], list(HEADER))
        self.assertEqual(preview["total"], 22)
        self.assertEqual(len(preview["rows"]), 10)
        first, second = preview["rows"][:2]
        self.assertEqual((first["line"], first["error"]), (2, False))
        self.assertEqual(first["cells"][:3], ["a", self.application.sdkappid, "av_hd"])
        self.assertEqual(second["line"], 3)
        self.assertIn("quantity must be a number", second["error"])
        self.assertFalse(self.env["trtc.usage"].search([("external_id", "=", "a")]))

    def test_the_preview_of_a_huge_file_reads_its_first_rows_only(self):
        line = f"{{}},{self.application.sdkappid},av_hd,60,2024-10-01,\n"
        lines = [line.format(number) for number in range(300_000)]
        header = ",".join(HEADER) + "\n"
        usage_import = self.make_import((header + "".join(lines)).encode())
        usage_import.flush_recordset()
        usage_import.invalidate_recordset(["preview"])
        split = self.startPatcher(patch.object(usage_file, "split", wraps=usage_file.split))
        start = time.monotonic()
        self.assertEqual(usage_import.preview["total"], 300_000)
        self.assertLess(time.monotonic() - start, 3)
        self.assertEqual(split.call_count, 11, "the header and ten rows")

    def test_nobody_makes_an_import_that_looks_carried_out(self):
        content = base64.b64encode(self.csv(self.row("a")))
        imports = self.env["trtc.usage.import"].with_user(self.user_operator)
        draft = imports.create({"file": content, "state": "draft", "row_count": 0})
        for vals in (
            {"state": "done"},
            {"accepted_count": 7},
            {"rejected_file": content},
            {"rejected_file_name": "x.csv"},
        ):
            with self.assertRaisesRegex(UserError, "when it is carried out"):
                imports.create({"file": content, **vals})
            with self.assertRaisesRegex(UserError, "when it is carried out"):
                draft.write(vals)
        context = {"default_state": "done", "default_accepted_count": 7}
        other = imports.with_context(**context).create({"file": content})
        self.assertEqual((other.state, other.accepted_count), ("draft", 0))
        draft.action_import()
        self.assert_counts(draft, row=1, accepted=1)

    def get_files(self, usage_import):
        return self.env["ir.attachment"].search(
            [
                ("res_model", "=", usage_import._name),
                ("res_id", "=", usage_import.id),
                ("res_field", "!=", False),
            ]
        )

    def test_the_file_of_an_import_is_not_exchanged_behind_its_back(self):
        usage_import = self.carry_out(self.csv(self.row("a"), self.row("b", "-1")))
        files = self.get_files(usage_import.sudo()).sudo(False)
        self.assertEqual(set(files.sudo().mapped("res_field")), {"file", "rejected_file"})
        other = base64.b64encode(b"other")
        place = {"res_model": usage_import._name, "res_id": usage_import.id, "res_field": "file"}
        for user in (self.user_operator, self.env.user, self.env.ref("base.user_admin")):
            attachments = self.env["ir.attachment"].with_user(user)
            for file in attachments.browse(files.ids):
                for vals in ({"datas": other}, {"res_id": 0}, {"type": "url"}):
                    with self.assertRaisesRegex(UserError, "stays as it is"):
                        file.write(vals)
                with self.assertRaisesRegex(UserError, "stays as it is"):
                    file.unlink()
            with self.assertRaisesRegex(UserError, "stays as it is"):
                attachments.create({"name": "x", "datas": other, **place})
        loose = self.env["ir.attachment"].create({"name": "x", "datas": other})
        with self.assertRaisesRegex(UserError, "stays as it is"), self.env.cr.savepoint():
            loose.write(place)

    def test_drafts_and_messages_keep_their_attachments_free(self):
        done = self.carry_out(self.csv(self.row("a")))
        note = self.env["ir.attachment"].create(
            {"name": "x", "raw": b"x", "res_model": done._name, "res_id": done.id}
        )
        note.name = "y"
        note.unlink()
        draft = self.make_import(self.csv(self.row("b")))
        draft.file = base64.b64encode(self.csv(self.row("c")))
        files = self.get_files(draft)
        draft.unlink()
        self.assertFalse(files.exists())

    def test_a_file_that_did_not_arrive_whole_is_told(self):
        for file in ("abc", "%%%%", "区", b"abc"):
            with self.assertRaisesRegex(UserError, "no valid Base64"):
                self.env["trtc.usage.import"].create({"file": file})
        draft = self.make_import(self.csv(self.row("a")))
        with self.assertRaisesRegex(UserError, "no valid Base64"):
            draft.file = "abc"
        fresh = self.env["trtc.usage.import"].new({"file": "%%%%"})
        self.assertIn("no valid Base64", fresh.problem)
        lines = base64.encodebytes(self.csv(*[self.row(f"r{n}") for n in range(9)]))
        self.assertEqual(self.env["trtc.usage.import"].create({"file": lines}).preview["total"], 9)

    def test_a_rejected_row_is_no_formula_for_the_spreadsheet_that_opens_it(self):
        signs = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1")
        rows = [self.row(sign, "-1", tags="=x") for sign in signs]
        first = self.carry_out(self.csv(*rows))
        self.assert_counts(first, row=5, rejected=5)
        text = base64.b64decode(first.rejected_file).decode("utf-8-sig")
        table = list(csv.reader(io.StringIO(text)))
        for cell in (cell for row in table for cell in row):
            self.assertNotRegex(cell, r"^[=+\-@\t\r]")
        # Where a tab splits cells, the sign behind it would begin one.
        safe = ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t'=1"]
        self.assertEqual([row[0] for row in table[1:]], safe)
        self.assertEqual(table[1][3], "'-1")

        again = self.carry_out(base64.b64decode(first.rejected_file))
        self.assert_counts(again, row=5, rejected=5)
        text = base64.b64decode(again.rejected_file).decode("utf-8-sig")
        self.assertIn("cannot be negative (-1)", text)
        for row in table[1:]:
            row[3], row[5] = "60", ""
        mended = self.carry_out(self.csv(*table[1:], header=table[0]))
        self.assert_counts(mended, row=5, accepted=5)
        self.assertEqual(
            set(mended.usage_ids.mapped("external_id")), {sign.strip() for sign in signs}
        )

    def test_the_counts_say_what_became_of_each_row(self):
        self.usage("av_hd", 60, "2024-10-01", id="known", source="csv")
        self.usage("av_hd", 60, "2024-10-01", id="changed", source="csv")
        content = self.csv(
            self.row("new"),
            self.row("known"),
            self.row("changed", "90"),
            self.row("strange", sdkappid="1499999999"),
            self.row("new-item", item="hologram"),
            self.row("bad", "-1"),
            self.row("new"),
        )
        usage_import = self.carry_out(content)
        self.assert_counts(
            usage_import, row=7, accepted=1, duplicate=2, restated=1, unassigned=2, rejected=1
        )
        self.assertEqual(usage_import.state, "done")
        self.assertEqual(
            set(usage_import.usage_ids.mapped("external_id")),
            {"new", "changed", "strange", "new-item"},
        )
        self.assertEqual(set(usage_import.usage_ids.mapped("source")), {"csv"})

    def test_imported_usage_is_billed_like_any_other(self):
        self.carry_out(self.csv(self.row("a", "30"), self.row("b", "31")))
        self.settle("2024-10-31")
        self.assertEqual(self.total("quantity"), 2)
        self.assert_books()

    def test_the_same_file_twice_counts_once(self):
        content = self.csv(self.row("a"), self.row("b"))
        self.carry_out(content)
        second = self.carry_out(content, name="October again")
        self.assert_counts(second, row=2, duplicate=2)
        self.assertFalse(second.usage_ids)

    def test_a_second_click_is_refused(self):
        usage_import = self.carry_out(self.csv(self.row("a")))
        with self.assertRaisesRegex(UserError, "imported already"):
            usage_import.action_import()

    def test_the_same_file_in_another_form_counts_once(self):
        rows = [self.row("a", "60", tags='{"b": "1", "a": "2"}'), self.row("b", "90.0")]
        self.carry_out(self.csv(*rows))
        again = [self.row("a", "60.00", tags='{"a":"2","b":"1"}'), self.row("b", "90")]
        content = self.csv(*again, delimiter="\t", encoding="gb18030")
        self.assert_counts(self.carry_out(content), row=2, duplicate=2)

    def test_rejected_rows_can_be_mended_and_imported(self):
        for encoding, delimiter in (("utf-8", ","), ("gb18030", ";")):
            content = self.csv(
                self.row(f"{encoding}-a"),
                self.row(f"{encoding}-b", "-1", tags='{"区域": "华东, \\"新\\""}'),
                self.row(f"{encoding}-c", start="tomorrow"),
                encoding=encoding,
                delimiter=delimiter,
            )
            first = self.carry_out(content)
            self.assert_counts(first, row=3, accepted=1, rejected=2)
            self.assertEqual(first.rejected_file_name, "october-rejected.csv")
            rejected = base64.b64decode(first.rejected_file)
            text = rejected.decode("gb18030" if encoding == "gb18030" else "utf-8-sig")
            rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
            self.assertEqual(rows[0], [*HEADER, "reason"])
            self.assertEqual([row[0] for row in rows[1:]], [f"{encoding}-b", f"{encoding}-c"])
            self.assertRegex(rows[1][-1], "^Line 3: quantity cannot be negative")
            self.assertRegex(rows[2][-1], "^Line 4: start must be a date")

            rows[1][3], rows[2][4] = "60", "2024-10-02"
            mended = self.csv(
                *rows[1:], header=rows[0], delimiter=delimiter,
                encoding="gb18030" if encoding == "gb18030" else "utf-8-sig",
            )  # fmt: skip
            second = self.carry_out(mended)
            self.assert_counts(second, row=2, accepted=2)
            self.assertIn({"区域": '华东, "新"'}, second.usage_ids.mapped("tags"))

    def test_without_rejected_rows_there_is_no_file_of_them(self):
        usage_import = self.carry_out(self.csv(self.row("a")))
        self.assertFalse(usage_import.rejected_file)

    def test_the_original_file_is_kept_as_it_was(self):
        content = self.csv(self.row("a"), self.row("b", "-1"), encoding="gb18030", delimiter=";")
        usage_import = self.carry_out(content)
        self.assertEqual(base64.b64decode(usage_import.file), content)

    def test_what_was_carried_out_cannot_be_changed_afterwards(self):
        usage_import = self.carry_out(self.csv(self.row("a")))
        other = base64.b64encode(self.csv(self.row("z")))
        for vals in (
            {"file": other},
            {"state": "draft"},
            {"source": "other"},
            {"accepted_count": 7},
            {"rejected_file": other},
        ):
            with self.assertRaises(UserError):
                usage_import.with_user(self.user_operator).write(vals)
        usage_import.with_user(self.user_operator).name = "A better name"

    def test_an_import_that_was_carried_out_cannot_be_deleted(self):
        usage_import = self.carry_out(self.csv(self.row("a")))
        with self.assertRaisesRegex(UserError, "is kept"):
            usage_import.unlink()
        draft = self.make_import(self.csv(self.row("b")))
        draft.unlink()
        self.assertFalse(draft.exists())

    def test_a_copy_starts_anew(self):
        usage_import = self.carry_out(self.csv(self.row("a"), self.row("b", "-1")))
        copy = usage_import.copy({"file": usage_import.file})
        self.assertEqual(copy.state, "draft")
        self.assert_counts(copy)

    def test_usage_of_another_source_with_the_same_ids_counts_too(self):
        content = self.csv(self.row("a"))
        self.carry_out(content)
        self.assert_counts(self.carry_out(content, source="console"), row=1, accepted=1)

    def test_a_source_without_a_name_is_refused(self):
        for source in ("  ", "x" * 300):
            with self.subTest(source=source), self.assertRaisesRegex(UserError, "(?i)source"):
                self.make_import(self.csv(self.row("a")), source=source).action_import()

    def test_an_operator_imports_and_a_reader_does_not(self):
        content = base64.b64encode(self.csv(self.row("a"), self.row("b", "-1")))
        with Form(self.env["trtc.usage.import"].with_user(self.user_operator)) as form:
            form.file = content
            self.assertEqual(form.preview["total"], 2)
        usage_import = form.record
        for user in (self.user_reader, self.user_accountant):
            with self.assertRaises(AccessError):
                usage_import.with_user(user).action_import()
            with self.assertRaises(AccessError):
                self.env["trtc.usage.import"].with_user(user).create({"file": content})
        with self.assertRaises(AccessError):
            usage_import.with_user(self.user_api_sender).read(["name"])
        usage_import.action_import()
        self.assert_counts(usage_import, row=2, accepted=1, rejected=1)
        self.assertEqual(usage_import.usage_ids.create_uid, self.user_operator)
        usage_import.with_user(self.user_reader).read(["rejected_count", "rejected_file"])

    def test_an_import_belongs_to_the_company_of_its_maker(self):
        other = self.env["res.company"].create({"name": "Other"})
        content = base64.b64encode(self.csv(self.row("a")))
        with self.assertRaises(AccessError):
            self.env["trtc.usage.import"].with_user(self.user_operator).create(
                {"file": content, "company_id": other.id}
            )
        draft = self.make_import(self.csv(self.row("a"))).with_user(self.user_operator)
        with self.assertRaisesRegex(UserError, "company of an import cannot be changed"):
            draft.company_id = other
        draft.write({"company_id": self.env.company.id})
        self.assertEqual(draft.company_id, self.env.company)

    def test_usage_goes_to_the_company_of_the_import_not_of_who_clicks(self):
        other = self.setup_other_company(name="Other")["company"]
        self.env.user.company_ids |= other
        usage_import = self.make_import(self.csv(self.row("a")))
        companies = (other | self.env.company).ids
        usage_import.with_context(allowed_company_ids=companies).action_import()
        self.assertEqual(usage_import.usage_ids.company_id, self.env.company)
        self.assert_counts(usage_import, row=1, accepted=1)

    def test_an_untouched_draft_tells_what_is_wrong_not_a_traceback(self):
        form = Form(self.env["trtc.usage.import"])
        form.file = base64.b64encode("编号;数量\n1;2\n".encode("gb18030"))
        self.assertIn("must name the columns", form.problem)
