"""What goes wrong at a server, and what the model makes of it."""

from __future__ import annotations

import pytest

from core_plus_google import GoogleModel, VertexModel
from core_plus_testkit import FaultKit, GoogleServer
from core_plus_testkit.model_kit import KEY


class TestGoogleModelFaults(FaultKit):
    server = GoogleServer

    def make(self, url, **settings):
        return GoogleModel("scripted", base_url=url, api_key=KEY, **settings)


class Credentials:
    """A double of google-auth's, whose token is the key."""

    valid = True
    token = KEY
    project_id = "project"


class TestVertexModelFaults(FaultKit):
    server = GoogleServer

    def make(self, url, **settings):
        pytest.importorskip("google.auth", reason="google-auth isn't installed")
        return VertexModel("scripted", base_url=url, credentials=Credentials(), **settings)
