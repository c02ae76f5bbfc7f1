from odoo.tests import tagged
from odoo.tools import SQL

from .test_ingest import IngestCommon
from .test_migration import load


@tagged("post_install", "-at_install")
class TestFactsBefore(IngestCommon):
    """Until 19.0.3.1.0 sources and SDKAppIDs were kept as they were sent."""

    def change(self, usage, **columns):
        for name, value in columns.items():
            self.env.cr.execute(
                SQL(
                    "UPDATE trtc_usage SET %s = %s WHERE id = %s",
                    SQL.identifier(name),
                    value,
                    usage.id,
                )
            )
        self.env.invalidate_all()

    def migrate(self):
        self.env.flush_all()
        for _time in range(2):  # an update that is repeated changes nothing
            load("19.0.3.2.0", "post-facts").migrate(self.env.cr, "19.0.3.1.0")
        self.env.invalidate_all()

    def test_sources_are_entered_with_all_their_spellings(self):
        usages = [self.usage("av_hd", 60, "2024-10-01", source="x") for _n in range(4)]
        for usage, source in zip(usages, ("Feed", "Feed", "FEED ", "other"), strict=True):
            self.change(usage, source=source)
        self.env.cr.execute("DELETE FROM trtc_usage_source")
        self.migrate()
        found = self.env["trtc.usage.source"].search([("company_id", "=", self.env.company.id)])
        self.assertEqual(
            {source.name: source.spellings for source in found},
            {"Feed": ["Feed", "FEED "], "other": ["other"]},
        )
        self.assertEqual(found.mapped("restating"), ["replace", "replace"])
        for usage in usages[:3]:
            record = self.record("av_hd", 60, "2024-10-01", id=usage.external_id)
            self.assert_result(self.ingest(record, source="feed"), duplicate=1)

    def test_usage_of_an_odd_sdkappid_finds_its_application(self):
        usage = self.usage("av_hd", 600, "2024-10-01", sdkappid="1499999999")
        other = self.usage("av_hd", 600, "2024-10-01", sdkappid="1499999998")
        self.change(usage, sdkappid=f"{self.application.sdkappid}.0")
        self.change(other, sdkappid="1.4E+09")
        self.migrate()
        self.assertEqual(usage.sdkappid, self.application.sdkappid)
        self.assertEqual(other.sdkappid, "1.4E+09")
        self.settle("2024-10-31")
        self.assertEqual(self.total("billable_quantity"), 10)
        self.assertEqual(usage.application_id, self.application)
        self.assert_books()
