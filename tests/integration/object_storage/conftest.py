"""An S3 server on this machine with an empty bucket ``lake``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

KEY, SECRET = "key-of-the-lake", "it's-a-secret"


@dataclass(frozen=True)
class Storage:
    """The server's address, and the bucket as a client of its own sees it."""

    endpoint: str
    bucket: Any

    def settings(self, prefix: str = "prod") -> dict[str, Any]:
        """What an instance is told of it."""
        return {
            "data_path": f"s3://lake/{prefix}",
            "s3_endpoint": self.endpoint,
            "s3_access_key": KEY,
            "s3_secret_key": SECRET,
        }

    def files(self, prefix: str = "") -> set[str]:
        """Names of all objects."""
        return {item.key for item in self.bucket.objects.filter(Prefix=prefix)}


@pytest.fixture
def storage() -> Iterator[Storage]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request says nothing
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    # What is stored belongs to the process and not to the server: without this a test meets what others left.
    httpx.post(f"{endpoint}/moto-api/reset").raise_for_status()
    resource = boto3.resource(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )
    try:
        yield Storage(endpoint, resource.create_bucket(Bucket="lake"))
    finally:
        server.stop()
