from . import (
    trtc_decide,
    trtc_price_change,
    trtc_recognise,
    trtc_recognise_line,
    trtc_refund,
    trtc_run,
    trtc_sell_pack,
    trtc_sender_key,
    trtc_settings,
    trtc_settings_arrears,
    trtc_subscribe,
    trtc_suspend,
)
