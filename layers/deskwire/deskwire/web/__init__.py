"""HTTP requests and responses, their bodies, and markup."""
