"""Codes that prove a corrected address, sent for the API's customers by the mail that the portal uses.

Refuses, by saying that it cannot, what is no e-mail address: no code goes to a phone or a customer number.
"""

from privet.bootstrap.parts import Parts
from privet.portal.letters import proof_letter
from privet.portal.postman import Mail, Postman, SmtpDelivery


class MailCourier:
    """One a process. Close it when the server stops: what waits is sent first."""

    def __init__(self, parts: Parts) -> None:
        """The settings must have an [smtp] section."""
        smtp = parts.settings.serving.smtp
        assert smtp is not None
        self._catalogue = parts.catalogue
        self._postman = Postman(SmtpDelivery(smtp, parts.catalogue.name))

    def can_reach(self, field: str) -> bool:
        """Whether values of this field are addresses that mail goes to."""
        return self._catalogue.fields[field].type.kind == "email"

    def send_code(self, field: str, address: str, code: str) -> None:
        """To the new address. Returns at once."""
        del field
        letter = proof_letter(self._catalogue.name, code, self._catalogue.contact)
        self._postman.post(Mail(lambda: address, *letter))

    def close(self) -> None:
        self._postman.close()
