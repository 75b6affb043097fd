"""Have AWS classify a message before it is recorded; the opinion is stored with it, so that no retry asks again.

It delays no message: a failing service is left alone for a while, as any neighbour, and our own judgement is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from deskwire.care.languages import detect
from deskwire.care.triage import judged_by
from deskwire.configuration import Connection
from deskwire.model.errors import ConfigurationError, PayloadError, TemporaryError
from deskwire.model.events import Event, Kind, Visibility
from deskwire.telemetry import Telemetry

from .classifiers import Classified, Classifiers
from .directory import Directory
from .limits import LeftAlone

NEIGHBOUR = "classifier"  # prefix of the services' names in `Neighbours`
LEAST = 8  # characters: a shorter text is not classified


@dataclass(frozen=True, slots=True)
class Classifying:
    """Ask the service that a connection's policy names."""

    directory: Directory
    telemetry: Telemetry

    def opinion(self, event: Event) -> str:
        """Return the service's opinion of a customer's message in its stored form, or ""."""
        if event.kind is not Kind.MESSAGE or event.own or len(event.text.strip()) < LEAST:
            return ""
        connection = self.directory.connection(event.channel, event.account)
        if connection is None:
            return ""
        found = self._classified(connection, event)
        if found is None:
            return ""
        self.telemetry.count("Classified")
        for name, number in (
            ("ClassifierTokensIn", found.tokens_in),
            ("ClassifierTokensOut", found.tokens_out),
            ("ClassifierUnits", found.units),
        ):
            if number:
                self.telemetry.count(name, number)
        return str(found.opinion)

    def _classified(self, connection: Connection, event: Event) -> Classified | None:
        """Return the classification; None if the service is not asked or does not answer."""
        policy = connection.policy
        rules = policy.judging.classifier
        if rules is None or not policy.judging.on:
            return None
        public = event.visibility is Visibility.PUBLIC
        judged = judged_by(event.text, policy, hint=event.language, stars=event.stars, public=public)
        if judged.heat == "hot":
            return None
        language = judged.language or detect(event.text, event.language or None, ()) or ""
        try:
            with self.directory.neighbours.asking(f"{NEIGHBOUR}/{rules.service}"):
                return Classifiers(self.directory.aws)(rules, event.text, language)
        except (LeftAlone, TemporaryError, PayloadError) as error:
            self._failed("WARNING", error)
        except ConfigurationError as error:
            self.telemetry.count("ConfigurationErrors")
            self._failed("ERROR", error)
        return None

    def _failed(self, level: str, error: Exception) -> None:
        self.telemetry.count("ClassifierFailures")
        self.telemetry.log(level, "not classified", error=type(error).__name__, reason=str(error))
