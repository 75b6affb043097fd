"""HTTP, the bodies that come by it, and markup."""
