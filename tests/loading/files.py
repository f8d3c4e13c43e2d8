"""Layers from text, and what compiling them says."""

import hashlib

from rmqsync.loading.compile import LayerFile, Options, compile_layers
from rmqsync.model.errors import InvalidDefinitions


def file(text, path="base/a.yaml"):
    content = text.encode() if isinstance(text, str) else text
    return LayerFile(path, content, hashlib.sha256(content).hexdigest())


def layers(*texts):
    """One layer of one file for each text; of a mapping, one file for each path in it."""
    found = []
    for number, text in enumerate(texts):
        name = "base" if number == 0 else f"layer{number}"
        files = text if isinstance(text, dict) else {f"{name}/a.yaml": text}
        found.append((name, [file(content, path) for path, content in files.items()]))
    return found


def compiled(*texts, **options):
    return compile_layers(layers(*texts), Options(**options))


def rows(*texts, **options):
    """The compiled rows, kinds without any left out."""
    return {name: found for name, found in compiled(*texts, **options).rows.items() if found}


def errors(*texts, **options):
    """Everything that is said about layers that cannot be used, line by line."""
    try:
        found = compiled(*texts, **options)
    except InvalidDefinitions as error:
        return str(error).splitlines()
    raise AssertionError(f"no error, only {[str(one) for one in found.findings]}")


def warnings(*texts, **options):
    return [str(one) for one in compiled(*texts, **options).findings]
