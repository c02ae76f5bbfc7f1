from . import (
    test_backend,
    test_catalogue,
    test_editions,
    test_ingest,
    test_ingest_records,
    test_ingest_senders,
    test_portal,
    test_report,
    test_security,
    test_usage_import,
)
