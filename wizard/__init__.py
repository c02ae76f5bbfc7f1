from . import trtc_decide, trtc_price_change, trtc_run, trtc_sender_key, trtc_settings, trtc_suspend
