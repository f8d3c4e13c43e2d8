"""Which policies a broker says are in effect, of all queues and exchanges, in one question."""

import base64
import json
from typing import Any

from rmqsync.analysis.policies import Effective
from rmqsync.model.changes import Ref
from tests.brokers import Broker

_NAME = "case {0} of none -> null; undefined -> null; N{1} -> N{1} end"
_ASK = f"""
Of = fun(Kind, X, {{resource, V, _, N}}) -> [Kind, V, N,
    {_NAME.format("rabbit_policy:name(X)", 1)}, {_NAME.format("rabbit_policy:name_op(X)", 2)},
    case rabbit_policy:effective_definition(X) of
        undefined -> #{{}}; D when is_map(D) -> D; D -> maps:from_list(D) end] end,
VHosts = rabbit_vhost:list_names(),
All = [Of(<<"queue">>, Q, amqqueue:get_name(Q)) || V <- VHosts, Q <- rabbit_amqqueue:list(V)] ++
    [Of(<<"exchange">>, X, element(2, X)) || V <- VHosts, X <- rabbit_exchange:list(V)],
base64:encode(iolist_to_binary(rabbit_json:encode(All))).
"""


def in_effect(broker: Broker) -> dict[Ref, Effective]:
    """What the broker itself goes by; the listings of its API tell some seconds later."""
    answer = broker.rabbitmqctl("eval", _ASK).replace("\n", "").replace(" ", "")
    rows: list[list[Any]] = json.loads(base64.b64decode(answer.strip('<>"')))
    return {
        Ref(kind, (vhost, name)): Effective(policy, operator, definition)
        for kind, vhost, name, policy, operator, definition in rows
    }
