from collections import defaultdict

from odoo.tools import SQL

from odoo.addons.trtc_billing.rating import facts, texts


def migrate(cr, version):
    """Enter the sources that have sent usage, and read odd SDKAppIDs as intake reads them now.

    Usage that is there stays as it is: known ids are looked up under every spelling of their
    source, and nothing that came in before is held.
    """
    _enter_sources(cr)
    _clean_sdkappids(cr)


def _enter_sources(cr):
    """Enter each sender once, under the spelling that it used most."""
    cr.execute(
        SQL("SELECT company_id, source, count(*) FROM trtc_usage GROUP BY 1, 2 ORDER BY 3 DESC, 2")
    )
    spellings = defaultdict(list)
    for company_id, source, _count in cr.fetchall():
        spellings[company_id, texts.fold(source)].append(source)
    for (company_id, key), found in spellings.items():
        name = texts.clean(found[0]) or found[0]
        cr.execute(
            SQL(
                """
                INSERT INTO trtc_usage_source (company_id, name, key, spellings, restating,
                                               create_uid, create_date, write_uid, write_date)
                VALUES (%(company)s, %(name)s, %(key)s, to_jsonb(%(spellings)s::text[]),
                        'replace', 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC')
                ON CONFLICT (company_id, key) DO NOTHING
                """,
                company=company_id,
                name=name,
                key=key,
                spellings=list(dict.fromkeys([name, *found])),
            )
        )


def _clean_sdkappids(cr):
    """Let usage find its application that waits for it under an odd SDKAppID.

    The next settlement assigns it, as if the application had been created since.
    """
    cr.execute(
        SQL(
            """
            SELECT DISTINCT sdkappid FROM trtc_usage
             WHERE application_id IS NULL AND state = 'current'
               AND sdkappid !~ '^[0-9]+$'
            """
        )
    )
    for (odd,) in cr.fetchall():
        try:
            number = facts.read_sdkappid(odd)
        except facts.FactError:
            continue
        cr.execute(
            SQL(
                """
                UPDATE trtc_usage SET sdkappid = %s
                 WHERE sdkappid = %s AND application_id IS NULL AND state = 'current'
                """,
                number,
                odd,
            )
        )
