"""Empties a broker over its management API, which takes a fraction of the time a new one does.

Feature flags stay as they are, since no broker can disable one, and so does our administrator.
"""

import http.client
from collections.abc import Mapping
from typing import Any

from tests.brokers.management import Management, Refused

LOG_EXCHANGE = "amq.rabbitmq.log"
"""4.3 declares it in the default vhost whenever it starts, and exports it."""

_DEFAULT_VHOST = "/"
_FULL = {"configure": ".*", "write": ".*", "read": ".*"}


def baseline(api: Management) -> dict[str, Any]:
    """What an empty broker holds, for `wipe` to bring back."""
    return {"global_parameters": _global_parameters(api), "vhost": _default_vhost(api)}


def wipe(api: Management, username: str, empty: Mapping[str, Any]) -> None:
    """Delete everything but the administrator `username`, and bring back what `empty` holds.

    All but `LOG_EXCHANGE`: no request can declare it.
    """
    # a vhost takes everything in it along: queues, policies, permissions, limits, connections
    for vhost in api.get("vhosts"):
        if vhost["name"] != _DEFAULT_VHOST:
            _delete_vhost(api, vhost["name"])
    if _default_vhost(api) != empty["vhost"]:
        _delete_vhost(api, _DEFAULT_VHOST)
        api.put("vhosts", _DEFAULT_VHOST, body=_vhost_body(empty["vhost"]["vhost"]))
    for user in api.get("users"):
        if user["name"] != username:
            api.delete("users", user["name"])
    for limits in api.get("user-limits", username):
        for limit in limits["value"]:
            api.delete("user-limits", username, limit)
    api.put("permissions", _DEFAULT_VHOST, username, body=_FULL)
    api.delete("topic-permissions", _DEFAULT_VHOST, username)
    _restore_global_parameters(api, empty["global_parameters"])


def _default_vhost(api: Management) -> dict[str, Any]:
    """All that users can change in the default vhost but permissions."""
    vhost = api.get("vhosts", _DEFAULT_VHOST)
    fields = ("description", "tags", "default_queue_type", "metadata")
    return {
        "vhost": {field: vhost[field] for field in fields if field in vhost},
        "definitions": api.get("definitions", _DEFAULT_VHOST),
        "limits": api.get("vhost-limits", _DEFAULT_VHOST),
        # definitions leave out what is not durable
        "exchanges": [exchange["name"] for exchange in api.get("exchanges", _DEFAULT_VHOST)],
        "queues": [queue["name"] for queue in api.get("queues", _DEFAULT_VHOST)],
    }


def _vhost_body(vhost: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": vhost["description"]} if vhost.get("description") else {}


def _delete_vhost(api: Management, name: str) -> None:
    try:
        api.delete("vhosts", name)
    except Refused as error:
        if error.status != http.client.PRECONDITION_FAILED:
            raise
        # 4.1 on, a vhost can be protected from deletion
        api.delete("vhosts", name, "deletion", "protection")
        api.delete("vhosts", name)


def _global_parameters(api: Management) -> dict[str, Any]:
    return {entry["name"]: entry["value"] for entry in api.get("global-parameters")}


def _restore_global_parameters(api: Management, wanted: Mapping[str, Any]) -> None:
    found = _global_parameters(api)
    for name in found.keys() - wanted.keys():
        api.delete("global-parameters", name)
    for name, value in wanted.items():
        if found.get(name) != value:
            api.put("global-parameters", name, body={"value": value})
