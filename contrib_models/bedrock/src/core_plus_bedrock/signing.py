"""Who signs requests: AWS credentials, by botocore, of which no more is used; or a key of Bedrock's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Protocol

from core_plus.errors import ConfigurationError
from core_plus.secret import Secret

SERVICE: Final = "bedrock"
REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
CREDENTIALS: Final = (
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables that tell of credentials."""


class Signer(Protocol):
    """Gives a request the headers that say who sends it."""

    def renew(self) -> None:
        """Renew what is about to end; this may wait."""

    def headers(self, url: str, body: bytes) -> dict[str, str]:
        """The headers of a request.

        Args:
            url: Where it goes.
            body: What it says.
        """
        ...

    def secrets(self) -> list[Secret]:
        """What must be shown nowhere."""
        ...


class Key:
    """A key of Bedrock's own.

    Args:
        key: The key.
    """

    def __init__(self, key: Secret) -> None:
        self._bearer = Secret(f"Bearer {key.reveal()}")

    def renew(self) -> None:
        """It doesn't end."""

    def headers(self, url: str, body: bytes) -> dict[str, str]:
        return {"authorization": self._bearer.reveal()}

    def secrets(self) -> list[Secret]:
        return [self._bearer]


class Signature:
    """Signature Version 4.

    Args:
        credentials: Botocore's.
        region: Of the service.
    """

    def __init__(self, credentials: Any, region: str) -> None:
        from botocore.auth import SigV4Auth

        self._credentials, self._region, self._auth = credentials, region, SigV4Auth
        self._frozen: Any = None

    def renew(self) -> None:
        """Take the credentials as they are now; those that end renew themselves."""
        self._frozen = self._credentials.get_frozen_credentials()

    def headers(self, url: str, body: bytes) -> dict[str, str]:
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method="POST", url=url, data=body, headers={"content-type": "application/json"})
        self._auth(self._frozen, SERVICE, self._region).add_auth(request)
        return {name.lower(): value for name, value in request.headers.items()}

    def secrets(self) -> list[Secret]:
        found = (self._frozen.secret_key, self._frozen.token) if self._frozen else ()
        return [Secret(text) for text in found if text]


def signer(profile: str | None, region: str, api_key: Secret, credentials: Any) -> Signer:
    """Who signs, by what the caller says or else the environment.

    Args:
        profile: A profile of the AWS configuration.
        region: Of the service.
        api_key: A key of Bedrock's own, empty for none.
        credentials: Botocore's, None for those of the profile.

    Raises:
        ConfigurationError: There are no credentials.
    """
    key = api_key or Secret(os.environ.get("AWS_BEARER_TOKEN_BEDROCK", "").strip())
    if credentials is None and key:
        return Key(key)
    found = credentials or session(profile).get_credentials()
    if found is None:
        raise ConfigurationError(
            "there are no AWS credentials: run `aws configure` or `aws sso login`, set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK"
        )
    return Signature(found, region)


def session(profile: str | None) -> Any:
    """Botocore's session.

    Args:
        profile: A profile of the AWS configuration; None takes the environment's.
    """
    from botocore.session import Session

    return Session(profile=profile)


def region_of(region: str | None, profile: str | None) -> str:
    """The region, by what the caller says or else the environment or the AWS configuration.

    Args:
        region: What the caller says.
        profile: A profile of the AWS configuration.

    Raises:
        ConfigurationError: Nobody says.
    """
    found = region or next(filter(None, map(os.environ.get, REGIONS)), None)
    found = found or session(profile).get_config_variable("region")
    if not found:
        raise ConfigurationError("Bedrock wants a region: set AWS_REGION or give region=, such as 'us-east-1'")
    return str(found)


def missing() -> str:
    """What has to be set before the service can be asked, "" if nothing can be seen to; nobody is asked.

    Botocore knows more ways, but asks around for some of them (https://docs.aws.amazon.com/sdkref/latest/guide/
    standardized-credentials.html has the variables and files).
    """
    folder = Path.home() / ".aws"
    config = Path(os.environ.get("AWS_CONFIG_FILE") or folder / "config")
    kept = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or folder / "credentials")
    if not (any(map(os.environ.get, CREDENTIALS)) or config.exists() or kept.exists()):
        return "set AWS_BEARER_TOKEN_BEDROCK, or run: aws configure (on Amazon's own machines a role is enough)"
    return "" if any(map(os.environ.get, REGIONS)) or config.exists() else "set AWS_REGION"
