"""What the lists of the portal share."""

from odoo.http import request


class PortalList:
    """A list to sort, filter and turn the pages of, by the words of an address.

    Words that mean nothing are left out of account.

    :param str model: name of the model that is listed
    :param str url: address of the first page
    :param dict sortings: ``{word: {"label", "order"}}``, the usual one first
    :param dict filters: ``{word: {"label", "domain"}}``, the one that shows all first
    """

    def __init__(self, model, url, sortings, filters, sortby, filterby):
        self.model, self.url = request.env[model], url
        self.sortings, self.filters = sortings, filters
        self.sortby = sortby if sortby in sortings else next(iter(sortings))
        self.filterby = filterby if filterby in filters else next(iter(filters))

    @property
    def is_filtered(self):
        return self.filterby != next(iter(self.filters))

    def get_values(self, domain, page, step, url_args):
        """Return what the page shows, ``pager`` and ``find``, a function of its offset.

        :param domain: what is listed, beside the chosen filter
        :param dict url_args: further words of the address
        """
        domain &= self.filters[self.filterby]["domain"]
        order = self.sortings[self.sortby]["order"]
        url_args = {"sortby": self.sortby, "filterby": self.filterby, **url_args}
        return {
            "find": lambda offset: self.model.search(
                domain, order=order, limit=step, offset=offset
            ),
            "pager": {
                "url": self.url,
                "url_args": {name: value for name, value in url_args.items() if value},
                "total": self.model.search_count(domain),
                "page": page,
                "step": step,
            },
            "default_url": self.url,
            "searchbar_sortings": self.sortings,
            "sortby": self.sortby,
            "searchbar_filters": self.filters,
            "filterby": self.filterby,
        }
