"""The arithmetic of usage billing, in plain Python.

Nothing in this package knows of a database or of Odoo: it takes and gives
``Decimal``, dates and tuples, so that every figure on a bill can be computed
again, by anybody, from the raw usage and the price alone.

========================  ====================================================
module                    question that it answers
========================  ====================================================
:mod:`.periods`           which day and which month does a moment belong to?
:mod:`.facts`             what does a usage record as sent say?
:mod:`.resolution`        which category is a sum of pixels?
:mod:`.quantities`        how many units are billed for so much usage?
:mod:`.quotas`            who gets how much of a free quantity?
:mod:`.drawdown`          which minutes of which pack does usage draw down?
:mod:`.fees`              what do an upgrade, a refund, a part of a term come to?
:mod:`.prices`            what do so many units cost, flat, by volume, graduated?
:mod:`.engine`            all of it together: usage of a period to charges
:mod:`.charges`           what is new against what was settled before?
========================  ====================================================
"""
