"""The image, built once for all tests of a worker."""

import shutil
from collections.abc import Iterator

import pytest

from tests.brokers import Unavailable
from tests.brokers.pool import are_required
from tests.packaging.image import Image, image


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    try:
        found = image(tmp_path_factory.mktemp("image"))
    except Unavailable as error:
        if are_required():
            raise
        pytest.skip(f"no image to test: {error}")
    yield found
    shutil.rmtree(found.root)
