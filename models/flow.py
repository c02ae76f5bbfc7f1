"""What tells a flow of Odoo that this module knows from a call of somebody.

Posting, reversing and replacing an invoice write fields that nobody sets by hand.  Such a flow
carries an object in its context that no client can make: what comes over the wire is plain data.
"""

#: The value of the key ``trtc_flow`` of the context.
FLOW = object()


def in_flow(env):
    """Tell whether Odoo itself posts, reverses or replaces a document right now."""
    return env.context.get("trtc_flow") is FLOW
