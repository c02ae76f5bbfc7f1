"""Uninstall the module as an administrator does, with its dialog: runs inside ``odoo shell``."""

import io
import zipfile

administrator = env.ref("base.user_admin")
module = env["ir.module.module"].search([("name", "=", "trtc_billing")])
dialog = env["base.module.uninstall"].with_user(administrator)
dialog = dialog.create({"module_ids": module.ids})
if "TRTC Usage" not in dialog.trtc_loss:
    raise AssertionError(f"the dialog does not say what is lost: {dialog.trtc_loss}")
file = io.BytesIO()
env["trtc.export"].with_user(administrator)._write_zip(file)
with zipfile.ZipFile(file) as archive:
    for model in ("trtc.usage", "trtc.statement.line", "trtc.allocation"):
        count = len(archive.read(f"{model}.csv").decode("utf-8-sig").splitlines()) - 1
        if count < env[model].search_count([]):
            raise AssertionError(f"the export has {count} records of {model}")
dialog.action_uninstall()
