"""For `privet doctor`: credentials that the catalogue binds and nobody could ever show. Changes nothing."""

from collections.abc import Iterator

from privet.config.settings import Settings
from privet.domain.catalogue import Catalogue
from privet.store.custody.doctor import Finding


def examine_callers(settings: Settings, catalogue: Catalogue) -> Iterator[Finding]:
    """One finding for each binding without its setting, and for each issuer that stands for nobody."""
    serving = settings.serving
    listed = {(one.role, one.issuer) for one in serving.issuers}
    bound = [("services", one.name, one.oidc) for one in catalogue.services.values()]
    bound += [("officers", one.name, one.oidc) for one in catalogue.officers.values()]
    asked = {(role, oidc["issuer"]) for role, _, oidc in bound if oidc}
    for role, name, oidc in bound:
        if oidc and (role, oidc["issuer"]) not in listed:
            yield Finding(
                "warn",
                f"{role}.{name} comes by tokens of an issuer that privet.toml does not list for {role}",
                f'add an [[issuers]] section for it, with role = "{role}"',
            )
    for one in serving.issuers:
        if one.role != "customers" and (one.role, one.issuer) not in asked:
            yield Finding(
                "warn",
                f"privet.toml lists an issuer for {one.role} by which the catalogue lets nobody in",
                f"write oidc: with this issuer and a subject under {one.role}, or remove the section",
            )
    serve = serving.serve
    if serve.tls_client_ca is None and serve.proxy_key_file is None:
        for service in catalogue.services.values():
            if service.certificates or service.spiffe:
                yield Finding(
                    "warn",
                    f"services.{service.name} comes by client certificate, and the server asks for none",
                    "set serve.tls_client_ca, or serve.proxy_key_file behind a proxy that ends TLS",
                )
