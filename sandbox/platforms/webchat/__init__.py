"""The web chat, played: the site that embeds the widget, and visitors."""
