"""The conformance kit, over a real socket, for both of Google's services."""

from __future__ import annotations

import pytest

from core_plus.messages import message
from core_plus.models import ModelRequest
from core_plus_google import GoogleModel, VertexModel
from core_plus_testkit import GoogleServer, ModelKit
from core_plus_testkit.model_kit import KEY


class Credentials:
    """A double of google-auth's: valid from its first renewal on."""

    valid = False
    token = None
    project_id = "project"

    def refresh(self, request):
        self.valid, self.token = True, KEY


class TestGoogleModel(ModelKit):
    @pytest.fixture
    def backend(self):
        with GoogleServer() as server:
            yield server

    @pytest.fixture
    def model(self, backend):
        model = GoogleModel("scripted", base_url=backend.url, api_key=KEY)
        yield model
        model.close()


class TestVertexModel(TestGoogleModel):
    @pytest.fixture
    def model(self, backend):
        pytest.importorskip("google.auth.transport.requests", reason="google-auth isn't installed")
        model = VertexModel("scripted", base_url=backend.url, credentials=Credentials())
        yield model
        model.close()

    def test_requests_go_to_the_projects_place(self, model, backend):
        backend.script(["hi"])
        assert model.forward(ModelRequest((message("user", "hi"),))).message.text == "hi"
        path = "/v1/projects/project/locations/global/publishers/google/models/scripted:generateContent"
        assert backend.requests[0].path == path
