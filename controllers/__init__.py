from . import portal, portal_packs
