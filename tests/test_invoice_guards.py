from .common import TrtcCommon  # noqa
