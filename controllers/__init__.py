from . import export, portal, portal_packs
