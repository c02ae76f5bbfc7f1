"""The development set-up of this addon: one file per concern, nothing of it ships."""
