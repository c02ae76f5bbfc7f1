from . import trtc_decide, trtc_run
