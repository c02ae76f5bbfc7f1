from . import account_move_annex, trtc_statement_document
