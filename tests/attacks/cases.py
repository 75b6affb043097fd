"""All attacks on receive, in the order of the table in docs/security.md."""

from . import bodies, forged, forms, places, tokens

ATTACKS = [*forged.ATTACKS, *tokens.ATTACKS, *bodies.ATTACKS, *places.ATTACKS, *forms.ATTACKS]
# What stands in the genuine deliveries that the attacks are made of: no log line may hold it.
WORDS = ("parcel", "Lindqvist", "shop-customer", "invented-", "northwind-verify", "consumer_secret_example")
