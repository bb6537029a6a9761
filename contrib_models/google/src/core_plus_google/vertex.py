"""Models behind Vertex AI."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core_plus.errors import AuthenticationError, ConfigurationError
from core_plus.models import ModelRequest
from core_plus.secret import Secret
from core_plus_google.codec import Generate
from core_plus_google.encode import Encoder
from core_plus_http import Counts, Exchange, RateLimit, Timeouts, Transport, as_timeouts, json_headers

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
KEYED = "https://aiplatform.googleapis.com"
"""Where an API key is enough ("express mode"), without project and place."""


class VertexModel(Counts):
    """A model behind Google's Vertex AI.

    Args:
        model_id: The model's name, such as "gemini-2.5-flash"; "publisher/name" for others than Google's.
        project: The project that pays; None takes GOOGLE_CLOUD_PROJECT, or what the credentials say.
        location: Where it runs; None takes GOOGLE_CLOUD_LOCATION, or "global".
        credentials: From google-auth; None takes the application default credentials.
        api_key: A key of express mode, instead of credentials; None takes GOOGLE_API_KEY where
            no project is named.
        base_url: Another address of the same API.
        headers: More headers for every request; a `Secret` among them is shown nowhere.
        options: Parameters of every request, as for `GoogleModel`.
        timeout: How long to wait; a number is the whole call's seconds.
        client: An `httpx.Client` (or httpx2's) for sync calls, used as it is and never closed.
        async_client: The same for async calls.
        rate: Requests and tokens a minute; one `RateLimit` may be shared by several models.

    Raises:
        ConfigurationError: No credentials or no project, or an address or header that is none.
    """

    def __init__(
        self,
        model_id: str,
        *,
        project: str | None = None,
        location: str | None = None,
        credentials: Any = None,
        api_key: str | Secret | None = None,
        base_url: str | None = None,
        headers: Mapping[str, str | Secret] | None = None,
        options: Mapping[str, Any] | None = None,
        timeout: Timeouts | float | None = None,
        client: Any = None,
        async_client: Any = None,
        rate: RateLimit | Mapping[str, Any] | None = None,
    ) -> None:
        project = project or os.environ.get("GOOGLE_CLOUD_PROJECT") or getattr(credentials, "project_id", None)
        if api_key is None and project is None and credentials is None:
            api_key = os.environ.get("GOOGLE_API_KEY", "").strip() or None
        key = Secret(api_key or "")
        location = location or os.environ.get("GOOGLE_CLOUD_LOCATION") or "global"
        self._credentials, self._token, self._lock = credentials, Secret(""), threading.Lock()
        if not key and credentials is None:
            self._credentials, project = default_credentials(project)
        if not key and project is None:
            raise ConfigurationError("Vertex AI wants a project: set GOOGLE_CLOUD_PROJECT or give project=")
        transport = Transport(
            base_url or address(location, bool(key)),
            headers=json_headers(headers, x_goog_api_key=key or None),
            timeouts=as_timeouts(timeout),
            client=client,
            async_client=async_client,
            provider="vertex",
            model=model_id,
        )
        path = path_of(model_id, "" if key else f"/projects/{project}/locations/{location}")
        encoder = Encoder(model_id, options or {}, "vertex", ids=False)
        self._generate = Generate(path, encoder, "vertex", self._authorization)
        super().__init__("vertex", model_id, self._generate, transport, rate)

    def prepare(self) -> None:
        """Renew the token, if it is about to end."""
        if self._credentials is None or (self._credentials.valid and self._token):
            return
        with self._lock:
            if not self._credentials.valid:
                from google.auth.exceptions import GoogleAuthError
                from google.auth.transport.requests import Request

                try:
                    self._credentials.refresh(Request())
                except GoogleAuthError as error:
                    words = f"Google's credentials can't be renewed: {error} [sign in again, or check their service]"
                    raise AuthenticationError(words, provider="vertex", model=self.model_id) from error
            self._token = Secret(f"Bearer {self._credentials.token}")
            self.transport.hide(self._token)

    def counting(self, request: ModelRequest) -> Exchange[int]:
        return self._generate.count(request, "")

    def _authorization(self) -> dict[str, str]:
        return {"authorization": self._token.reveal()} if self._token else {}


def address(location: str, keyed: bool) -> str:
    """The service's address.

    Args:
        location: Where it runs.
        keyed: Whether a key is enough, so that the place isn't asked for.
    """
    return KEYED if keyed or location == "global" else f"https://{location}-aiplatform.googleapis.com"


def path_of(model_id: str, place: str) -> str:
    """A model's path.

    Args:
        model_id: "name", or "publisher/name".
        place: Project and location, as a path; "" where a key is enough.
    """
    publisher, _, name = model_id.rpartition("/")
    return f"/v1{place}/publishers/{publisher or 'google'}/models/{name}"


def default_credentials(project: str | None) -> tuple[Any, str | None]:
    """Google's application default credentials, and the project: the one named, or theirs.

    Args:
        project: The one named.

    Raises:
        ConfigurationError: Nobody is signed in.
    """
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        credentials, theirs = google.auth.default(scopes=[SCOPE], quota_project_id=project)
    except DefaultCredentialsError as error:
        words = "nobody is signed in to Google Cloud: gcloud auth application-default login, or give api_key="
        raise ConfigurationError(words) from error
    return credentials, project or theirs


def missing() -> str:
    """What has to be set before the service can be asked, "" if nothing can be seen to; nobody is asked."""
    if os.environ.get("GOOGLE_API_KEY", "").strip() or os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return ""
    roaming = os.environ.get("APPDATA")  # where gcloud keeps its files on Windows
    usual = Path(roaming) / "gcloud" if roaming else Path.home() / ".config" / "gcloud"
    kept = Path(os.environ.get("CLOUDSDK_CONFIG") or usual) / "application_default_credentials.json"
    if kept.exists():
        return ""
    return "sign in: gcloud auth application-default login (on Google's own machines there is nothing to do)"
