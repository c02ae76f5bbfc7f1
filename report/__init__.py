from . import (
    account_move_annex,
    trtc_pack_document,
    trtc_statement_document,
    trtc_statement_pages,
    trtc_statement_sheet,
)
