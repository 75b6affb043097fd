"""Looks at an account's registration at Instagram, and sets it up: by the account's own login, or by its Page's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deskwire.contracts.registration import Finding, Registered, Site
from deskwire.families import meta
from deskwire.families import meta_registration as registration

from .sending import INSTAGRAM

if TYPE_CHECKING:
    from deskwire.contracts.channel import Reach

# `mentions` is of Facebook Login; Instagram Login delivers mentions with `comments`.
FIELDS: Final = (
    "comments", "live_comments", "messages", "message_edit", "messaging_postbacks", "messaging_referral",
)  # fmt: skip


def _product(reach: Reach) -> registration.Product:
    if reach.secrets.has(INSTAGRAM.token):
        return registration.Product(
            channel="instagram", object="instagram", fields=FIELDS, login=INSTAGRAM, account="me", subscribes=FIELDS
        )
    # The fields of the app's webhook count; the Page has to give the app any field at all. Which one is not documented.
    return registration.Product(
        channel="instagram", object="instagram", fields=(*FIELDS, "mentions"), login=meta.PAGE, account="me",
        subscribes=("messages",), any_field=True,
    )  # fmt: skip


def findings(site: Site, reach: Reach) -> list[Finding]:
    """Return how token, webhook and subscription stand."""
    product = _product(reach)
    if product.login is meta.PAGE:
        return registration.findings(product, site, reach)
    app = site.settings.get(registration.APP_ID, "")
    return [
        # What is asked here every hour renews it, also for an account to which nobody writes for 60 days.
        Finding(what=INSTAGRAM.token, found="renewed every week"),
        *registration.webhook(product, app, site, reach).findings(product, site),
        registration.subscription(product, app, reach),
    ]


def set_up(site: Site, reach: Reach) -> Registered:
    """Set webhook and subscription right."""
    product = _product(reach)
    if product.login is meta.PAGE:
        return registration.set_up(product, site, reach)
    app = site.settings.get(registration.APP_ID, "")
    did = registration.set_webhook(product, app, site, reach)
    return Registered(did=[*did, *registration.subscribe(product, app, reach)])
