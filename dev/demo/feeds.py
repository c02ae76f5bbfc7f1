"""The usage of the demonstration: invented, and the same each time."""

import random
from datetime import timedelta

SEED = 20241001

#: sdkappid -> {item: (least, most) usage units a day}
FEEDS = {
    "lumen-learning": {
        "1400100001": {
            "av_audio": (40_000, 90_000),
            "av_hd": (400_000, 700_000),
            "av_fhd": (30_000, 60_000),
            "rec_hd": (50_000, 80_000),
            "slice_audio": (20_000, 40_000),
        },
        "1400100002": {
            "av_hd": (20_000, 90_000),
            "screenshot_terminal": (600, 1_900),
        },
    },
    "nimbus-meet": {
        "1400200001": {
            "av_audio": (200_000, 500_000),
            "av_hd": (500_000, 900_000),
            "av_2k": (20_000, 50_000),
            "mix_h264_hd": (10_000, 40_000),
        },
        "1400200002": {
            "live_hd": (800_000, 2_000_000),
            "relay_duration": (10_000, 30_000),
        },
        # Nobody has registered this application yet.
        "1400299999": {"av_audio": (1_000, 3_000)},
    },
    "harbor-insurance": {
        "1400300001": {
            "av_hd": (60_000, 120_000),
            "rec_audio": (10_000, 20_000),
            # Its edition, Lite, does not unlock this.
            "screenshot_terminal": (300, 900),
            "ai_stt": (5_000, 15_000),
        },
    },
    "kaihai-live": {
        "1400400001": {"av_audio": (100_000, 300_000), "av_hd": (200_000, 600_000)},
    },
    "orbit-broadcast": {
        "1400500001": {"av_hd": (900_000, 1_800_000), "mix_h264_fhd": (60_000, 120_000)},
        "1400500002": {"live_fhd": (300_000, 900_000)},
    },
    "orbit-academy": {
        "1400600001": {"av_hd": (100_000, 250_000)},
    },
    "pixel-fitness": {
        "1400700001": {"av_hd": (80_000, 200_000)},
    },
}


def make_records(key, first, last):
    """Return the usage records of a feed, one per application, item and day."""
    dice = random.Random(f"{SEED}-{key}")
    records = []
    for sdkappid, items in FEEDS[key].items():
        for offset in range((last - first).days + 1):
            day = first + timedelta(days=offset)
            quiet = 0.4 if day.weekday() >= 5 else 1
            for item, (least, most) in items.items():
                records.append(
                    {
                        "id": f"{sdkappid}-{item}-{day}",
                        "sdkappid": sdkappid,
                        "item": item,
                        "quantity": round(dice.randint(least, most) * quiet),
                        "start": day.isoformat(),
                    }
                )
    return records
