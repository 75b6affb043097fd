"""Generic desk, played: a receiver of signed JSON."""
